"""Wrong settings get a sentence that names file and line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from cti_server.settings import Settings, load
from cti_server.shared.errors import SettingsError

BRANCH = '[[branches]]\ncode = "121"\nname = "Head office"\n'
SMDR = '[[exchanges]]\nid = "hq"\nname = "HQ"\nkind = "smdr"\nbranch = "121"\n'
EXCHANGE = '[[exchanges]]\nid = "hq"\nname = "HQ"\nkind = "ami"\nbranch = "121"\n'


def problem(tmp_path: Path, text: str) -> str:
    path = tmp_path / "cti.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(SettingsError) as caught:
        load(path)
    return str(caught.value).replace(str(path), "cti.toml")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('[server]\nport = "x"\n', "cti.toml, line 2: server.port"),
        ("[server]\nhost = '::1'\nprot = 1\n", "line 3: there is no setting server.prot; did you mean port?"),
        ("[sever]\n", "line 1: there is no setting sever; did you mean server?"),
        (
            BRANCH + EXCHANGE.replace("ami", "avaya"),
            "line 7: exchanges.1.kind: Input should be 'ami', 'simulated'",
        ),
        (BRANCH + EXCHANGE + EXCHANGE, "exchange “hq” is there twice"),
        (BRANCH + EXCHANGE.replace("121", "999"), "names the branch “999”, but there is no [[branches]]"),
        (
            BRANCH + EXCHANGE + 'secret = "s3cret"\n',
            "line 4: exchanges.1: a secret must not stand in the settings file",
        ),
        (BRANCH + EXCHANGE + 'extensions = "("\n', "is no regular expression"),
        (BRANCH + EXCHANGE + 'timezone = "Tokyo"\n', "line 9: exchanges.1.timezone: “Tokyo” is no IANA time zone"),
        (BRANCH + EXCHANGE + "ping_seconds = 60\n", "silence_seconds has to be longer than ping_seconds"),
        (BRANCH + EXCHANGE.replace('branch = "121"\n', ""), "line 4: exchanges.1.branch is missing"),
        ("[server\n", "this is not TOML"),
        (
            BRANCH + EXCHANGE + 'profile = "mitel"\n',
            "profile is for exchanges of kind “smdr”; this one",
        ),
        (BRANCH + SMDR, "needs profile: the make of the exchange"),
        (BRANCH + SMDR + 'profile = "mitel"\n', "needs feed: “connect”, “listen”"),
        (BRANCH + SMDR + 'profile = "mitel"\nfeed = "connect"\n', "feed = “connect” needs port"),
        (BRANCH + SMDR + 'profile = "mitel"\nfeed = "listen"\nport = 9000\n', "needs allowed_peers"),
        (
            BRANCH + SMDR + 'profile = "mitel"\nfeed = "listen"\nallowed_peers = ["192.0.2.999"]\n',
            "line 11: exchanges.1.allowed_peers.1: “192.0.2.999” is no address or network",
        ),
        (BRANCH + SMDR + 'profile = "mitel"\nfeed = "serial"\n', "needs device, such as /dev/ttyUSB0"),
        (BRANCH + SMDR + 'profile = "mitel"\nfeed = "folder"\n', "needs path: the folder"),
        (
            BRANCH + SMDR + 'profile = "mitel"\nfeed = "file"\npath = "/x"\nsilent_from = "19:00"\n',
            "silent_until has to be later than silent_from",
        ),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, text: str, expected: str) -> None:
    assert expected in problem(tmp_path, text)


def test_a_secret_is_never_repeated_in_the_error(tmp_path: Path) -> None:
    assert "s3cret" not in problem(tmp_path, BRANCH + EXCHANGE + 'secret = "s3cret"\n')


def test_all_faults_are_said_at_once(tmp_path: Path) -> None:
    said = problem(tmp_path, "[server]\nport = 0\nhost = 3\n")
    assert "line 2" in said and "line 3" in said


def test_a_file_that_is_not_utf8_or_not_there(tmp_path: Path) -> None:
    path = tmp_path / "cti.toml"
    with pytest.raises(SettingsError, match="can't be read"):
        load(path)
    path.write_bytes('[server]\nhost = "本店"'.encode("cp932"))
    with pytest.raises(SettingsError, match="line 2: not UTF-8"):
        load(path)


def test_secrets_come_from_environment_or_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "cti.toml"
    kept = tmp_path / "secret"
    kept.write_text("from file\n")
    path.write_text(BRANCH + EXCHANGE + f'secret_file = "{kept}"\n[mail]\nsecret_env = "Y_MAIL"\n', "utf-8")
    settings = load(path)
    assert settings.exchanges[0].secret() == "from file"
    with pytest.raises(SettingsError, match="Y_MAIL is not set"):
        settings.mail.secret()
    monkeypatch.setenv("Y_MAIL", "from environment")
    assert settings.mail.secret() == "from environment"


@pytest.mark.parametrize(
    ("signin", "said"),
    [
        ({"passwords": "administrators"}, "nobody else could sign in"),
        ({"oidc": {"issuer": "http://id.example", "client_id": "x"}}, "https address"),
        ({"oidc": {"issuer": "https://id.example", "client_id": "x", "scopes": ["profile"]}}, "“openid”"),
        ({"oidc": {"issuer": "https://id.example", "client_id": "x"}}, "needs public_url"),
        ({"oidc": {"issuer": "https://id.example", "client_id": "x", "secret": "in clear"}}, "secret_env"),
    ],
)
def test_a_sign_in_that_lets_nobody_in_or_too_many_is_refused(signin: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        Settings.model_validate({"signin": signin})
