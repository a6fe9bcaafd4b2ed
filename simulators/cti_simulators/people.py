"""The firm of the demonstration: three branches, their people, and customers who don't exist.

Telephone numbers are of exchanges that are not assigned to anybody (``03-0000-…``, ``090-0000-…``). The same seed gives
the same firm, so that each simulated exchange knows the customers without being told.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

from cti_server.shared.people import Branch, Customer, CustomerNumber

SEED = 20210601


@dataclass(frozen=True, slots=True)
class Colleague:
    """One of the firm's people. ``extension`` empty: no telephone."""

    id: str
    login: str
    name: str
    kana: str
    branch: str
    role: str
    extension: str = ""


@dataclass(frozen=True, slots=True)
class Office:
    """A branch, its exchange, and the ranges of its numbers."""

    branch: Branch
    exchange: str
    exchange_name: str
    area: str
    """Area code with the exchange part of its own numbers; an extension follows it (direct dialling)."""
    area_code: str
    landlines: tuple[str, ...]
    """Beginnings of its customers' numbers; four digits from 5000 follow."""
    addresses: tuple[str, ...]
    share: float
    """Part of all customers."""

    def direct(self, extension: str) -> str:
        """The outside number of an extension."""
        return self.area + extension


OFFICES: tuple[Office, ...] = (
    Office(
        Branch("121", "本店営業部"),
        "hq",
        "本店 交換機",
        "030000",
        "3",
        ("030000", "043000"),
        (
            "東京都千代田区丸の内",
            "東京都中央区日本橋",
            "東京都港区芝",
            "東京都新宿区西新宿",
            "東京都世田谷区用賀",
            "東京都杉並区荻窪",
            "東京都練馬区豊玉",
            "埼玉県さいたま市浦和区高砂",
            "東京都立川市曙町",
        ),
        0.55,
    ),
    Office(
        Branch("122", "横浜支店"),
        "yokohama",
        "横浜 交換機",
        "045000",
        "45",
        ("045000", "044000"),
        (
            "神奈川県横浜市中区本町",
            "神奈川県横浜市西区高島",
            "神奈川県川崎市川崎区駅前本町",
            "神奈川県鎌倉市御成町",
            "神奈川県藤沢市鵠沼",
        ),
        0.25,
    ),
    Office(
        Branch("131", "大阪支店"),
        "osaka",
        "大阪 交換機",
        "072000",
        "72",
        ("072000", "078000", "075000"),
        (
            "大阪府大阪市北区梅田",
            "大阪府大阪市中央区本町",
            "大阪府堺市堺区南瓦町",
            "兵庫県神戸市中央区三宮町",
            "京都府京都市下京区四条通",
        ),
        0.20,
    ),
)

_COLLEAGUES = """
801 yamada 山田 太郎|ヤマダ タロウ|121|rep|2001
802 suzuki 鈴木 花子|スズキ ハナコ|121|rep|2002
803 tanaka 田中 健一|タナカ ケンイチ|121|rep|2003
804 ito 伊藤 美咲|イトウ ミサキ|121|rep|2004
805 kobayashi 小林 誠|コバヤシ マコト|121|rep|2005
806 kato 加藤 由美|カトウ ユミ|121|rep|2006
807 fujiwara 藤原 健|フジワラ ケン|121|rep|2007
808 okamoto 岡本 玲子|オカモト レイコ|121|rep|2008
800 sasaki 佐々木 浩|ササキ ヒロシ|121|branch manager|2010
811 watanabe 渡辺 直樹|ワタナベ ナオキ|122|rep|3001
812 nakamura 中村 恵|ナカムラ メグミ|122|rep|3002
813 matsumoto 松本 大輔|マツモト ダイスケ|122|rep|3003
814 inoue 井上 真由美|イノウエ マユミ|122|rep|3004
810 kimura 木村 修|キムラ オサム|122|branch manager|3010
821 hayashi 林 和也|ハヤシ カズヤ|131|rep|4001
822 shimizu 清水 陽子|シミズ ヨウコ|131|rep|4002
823 yamaguchi 山口 翔太|ヤマグチ ショウタ|131|rep|4003
824 mori 森 彩香|モリ アヤカ|131|rep|4004
820 ikeda 池田 隆|イケダ タカシ|131|branch manager|4010
900 hashimoto 橋本 久美子|ハシモト クミコ|121|compliance reviewer|
901 okada 岡田 恵|オカダ メグミ|121|compliance reviewer|
980 abe 阿部 剛|アベ ツヨシ|121|PBX administrator|
985 nakano 中野 誠|ナカノ マコト|121|tester|
990 ishikawa 石川 智子|イシカワ トモコ|121|administrator|
"""

_SURNAMES = """
佐藤 サトウ, 高橋 タカハシ, 斎藤 サイトウ, 吉田 ヨシダ, 山本 ヤマモト, 前田 マエダ, 藤田 フジタ, 小川 オガワ,
岡田 オカダ, 後藤 ゴトウ, 長谷川 ハセガワ, 村上 ムラカミ, 近藤 コンドウ, 石井 イシイ, 遠藤 エンドウ, 青木 アオキ,
坂本 サカモト, 福田 フクダ, 太田 オオタ, 西村 ニシムラ, 藤井 フジイ, 金子 カネコ, 和田 ワダ, 中山 ナカヤマ,
中島 ナカジマ, 原田 ハラダ, 小野 オノ, 竹内 タケウチ, 上田 ウエダ, 宮崎 ミヤザキ, 大野 オオノ, 工藤 クドウ,
酒井 サカイ, 柴田 シバタ, 横山 ヨコヤマ, 宮本 ミヤモト, 内田 ウチダ, 高木 タカギ, 安藤 アンドウ, 谷口 タニグチ,
今井 イマイ, 丸山 マルヤマ, 河野 コウノ, 杉山 スギヤマ, 新井 アライ, 古川 フルカワ, 浜田 ハマダ, 増田 マスダ,
野口 ノグチ, 千葉 チバ
"""
_GIVEN = """
一郎 イチロウ, 健二 ケンジ, 正 タダシ, 明 アキラ, 博 ヒロシ, 茂 シゲル, 和夫 カズオ, 幸子 サチコ, 洋子 ヨウコ,
恵子 ケイコ, 京子 キョウコ, 節子 セツコ, 久美 クミ, 直美 ナオミ, 真理子 マリコ, 翔 ショウ, 拓也 タクヤ,
達也 タツヤ, 裕子 ユウコ, 美穂 ミホ, 愛 アイ, 大輝 ダイキ, 蓮 レン, 結衣 ユイ, 陽菜 ヒナ, 千尋 チヒロ,
義男 ヨシオ, 貞子 サダコ, 千代 チヨ, 進 ススム, 勇 イサム, 実 ミノル, 文子 フミコ, 孝 タカシ, 薫 カオル,
望 ノゾミ, 悟 サトル, 豊 ユタカ, 早苗 サナエ, 涼子 リョウコ
"""
_FIRMS = """
株式会社さくら工務店 カブシキガイシャサクラコウムテン, 有限会社みどり薬局 ユウゲンガイシャミドリヤッキョク,
株式会社東和商会 カブシキガイシャトウワショウカイ, 医療法人あおば会 イリョウホウジンアオバカイ,
株式会社ひかり印刷 カブシキガイシャヒカリインサツ, 合同会社はる設計 ゴウドウガイシャハルセッケイ,
株式会社丸福水産 カブシキガイシャマルフクスイサン, 株式会社北斗運輸 カブシキガイシャホクトウンユ,
学校法人若葉学園 ガッコウホウジンワカバガクエン, 株式会社こまつ製菓 カブシキガイシャコマツセイカ
"""

_WORKED_EXAMPLE = {
    "100101": ("801", 3),
    "100102": ("802", 3),
    "100103": ("801", 2),
    "100104": ("803", 3),
    "100105": ("801", 1),
    "100106": ("811", 3),
}
"""The customers of the specification's worked example, and the two between: their rep and class."""


@dataclass(slots=True)
class Firm:
    """The firm, as one seed makes it."""

    colleagues: list[Colleague]
    customers: list[Customer]
    unregistered: dict[str, list[str]] = field(default_factory=dict)
    """Exchange -> numbers of callers who are registered nowhere."""

    def of_rep(self, rep: str) -> list[Customer]:
        """The customers that a rep is in charge of."""
        return [customer for customer in self.customers if customer.rep == rep]

    def office(self, branch: str) -> Office:
        """The office of a branch."""
        return next(office for office in OFFICES if office.branch.code == branch)

    def phones(self, branch: str) -> list[Colleague]:
        """Those of a branch who have a telephone."""
        return [colleague for colleague in self.colleagues if colleague.branch == branch and colleague.extension]


def firm(seed: int = SEED, customers: int = 1500) -> Firm:
    """The firm that a seed makes; ``customers`` is how many it has."""
    chance = random.Random(seed)
    colleagues = [_colleague(line) for line in _COLLEAGUES.strip().splitlines()]
    numbers = {office.exchange: _numbers(chance, office) for office in OFFICES}
    made: list[Customer] = []
    for count in range(customers):
        office = _office_of(count, chance)
        reps = [each.id for each in colleagues if each.branch == office.branch.code and each.role == "rep"]
        code = str(100101 + count)
        rep, confidentiality = _WORKED_EXAMPLE.get(code) or (
            chance.choice(reps),
            chance.choices((1, 2, 3), (5, 20, 75))[0],
        )
        made.append(_customer(code, office, rep, confidentiality, made, numbers[office.exchange], chance))
    strangers = {office.exchange: [next(numbers[office.exchange]) for _ in range(40)] for office in OFFICES}
    return Firm(colleagues, made, strangers)


def _colleague(line: str) -> Colleague:
    first, kana, branch, role, extension = line.split("|")
    number, login, name = first.split(" ", 2)
    return Colleague(number, login, name, kana, branch, role, extension)


def _office_of(count: int, chance: random.Random) -> Office:
    if count < 6:
        return OFFICES[1] if count == 5 else OFFICES[0]
    return chance.choices(OFFICES, [office.share for office in OFFICES])[0]


def _numbers(chance: random.Random, office: Office) -> Iterator[str]:
    """Numbers of an office's customers, each once: half landlines, half mobiles."""
    place = OFFICES.index(office)
    lands = [f"{begin}{rest:04d}" for begin in office.landlines for rest in range(5000, 10000)]
    mobiles = [
        f"{begin}0000{rest:04d}" for begin in ("090", "070") for rest in range(place * 3000, place * 3000 + 3000)
    ]
    chance.shuffle(lands)
    chance.shuffle(mobiles)
    for pair in zip(lands, mobiles, strict=False):
        yield from pair


def _customer(
    code: str,
    office: Office,
    rep: str,
    confidentiality: int,
    before: list[Customer],
    numbers: Iterator[str],
    chance: random.Random,
) -> Customer:
    # Number by number an iterator gives a landline, then a mobile: one of each is drawn, so that both stay in step.
    landline, mobile = next(numbers), next(numbers)
    block = f"{chance.randint(1, 9)}-{chance.randint(1, 28)}-{chance.randint(1, 20)}"
    address = chance.choice(office.addresses) + block
    kind = "landline"
    household = before and len(before) > 6 and before[-1].branch == office.branch.code and chance.random() < 0.08
    company = not household and len(before) > 6 and chance.random() < 0.07
    if company:
        name, kana = _pick(_FIRMS, chance)
        kept = [landline]
    else:
        surname, sur_kana = _pick(_SURNAMES, chance)
        given, given_kana = _pick(_GIVEN, chance)
        if household and " " in before[-1].name:
            surname, sur_kana = before[-1].name.split(" ")[0], before[-1].kana.split(" ")[0]
            address, rep = before[-1].address, before[-1].rep or rep
            landline = next((each.shown for each in before[-1].numbers if each.kind == "landline"), landline)
        name, kana = f"{surname} {given}", f"{sur_kana} {given_kana}"
        kept = chance.choice(([landline], [landline, mobile], [mobile]))
        kept = [landline, mobile] if household else kept
    listed = [CustomerNumber("+81" + number[1:], number, "mobile" if number == mobile else kind) for number in kept]
    mail = f"c{code}@example.jp" if chance.random() < 0.7 or code < "100107" else ""
    return Customer(
        code=code,
        name=name,
        kana=kana,
        branch=office.branch.code,
        rep=rep,
        confidentiality=confidentiality,
        address=address,
        mail=mail,
        numbers=listed,
    )


def _pick(names: str, chance: random.Random) -> tuple[str, str]:
    """One of the names of a list, with its reading."""
    name, reading = chance.choice(names.split(",")).split()
    return name, reading
