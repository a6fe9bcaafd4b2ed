"""An exchange that writes records, in front of the whole product: a rep's page, a server that is killed, and started
again."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from tests.realpbx.product import Product, exchange
from tests.web.running import until


def record(number: int, who: str, talk: int = 20, more: int = 0, extension: str = "2001") -> bytes:
    """A record of IP Office of a call that began a few minutes ago."""
    began = datetime.now(ZoneInfo("Asia/Tokyo")) - timedelta(minutes=5)
    start, key = f"{began:%Y/%m/%d %H:%M}:{number % 60:02}", 1_000_000 + number
    return (
        f"{start},00:00:{talk:02},7,{who},I,0355550000,2001,,0,{key},{more},"
        f"E{extension},Extn{extension},T9001,Line 1.1,0,0,,,,,,,,,,,,,\r\n"
    ).encode()


def test_a_killed_server_goes_on_in_the_file_where_it_stood(tmp_path: Path, installations: list[Product]) -> None:
    file = tmp_path / "smdr.log"
    file.write_bytes(record(1, "0312340101") + record(2, "0312340102", talk=0)[:40])
    table = exchange("hq", 0, kind="smdr", feed="file", path=str(file), profile="avaya-ipoffice")
    del table["port"]
    product = Product(tmp_path / "p", [table])
    installations.append(product)
    product.person("801", "rep", "121", "hq/2001", language="en")
    product.person("802", "rep", "121", language="en")
    product.customer("100101", "0312340101", "801")
    product.customer("100102", "0312340102", "801", level=1)
    product.start()
    product.ended_calls(1)
    rep = product.sign_in("801")
    assert "顧客100101" in rep.page("/desk") and "顧客100102" not in rep.page("/desk")
    product.kill()

    with file.open("ab") as more:
        more.write(record(2, "0312340102", talk=0)[40:])
        more.write(record(3, "0312340101", talk=9, more=1) + record(4, "0399990000"))
        more.write(record(3, "0312340101", talk=30, extension="2002"))
    product.start()
    calls = product.ended_calls(4)
    assert [call["caller_number"] for call in calls] == ["0312340101", "0312340102", "0312340101", "0399990000"]
    assert [call["disposition"] for call in calls] == ["answered", "missed", "answered", "answered"]
    assert calls[2]["transferred_to"] == ["2002"]
    assert product.link("hq")["state"] == "up"

    def shown() -> bool:
        page = product.sign_in("801").page("/desk")
        return "顧客100101" in page and "顧客100102" in page

    until(shown, "both customers on the rep's desk")
    assert "顧客1001" not in product.sign_in("802").page("/desk")
    told = product.cti("calls", "--json")
    assert told.returncode == 0 and told.stdout.count("\n") == 4
