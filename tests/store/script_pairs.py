"""What people write in names and texts, and what they type to find it again, in many scripts.

The table was written before the normalisation that it holds to account. Each pair is a text as
somebody saved it and a query that must find it; `APART` has queries that must not find the text,
because readers of that script take the two for different words.
"""

# ruff: noqa: RUF001 - letters of many scripts are what this is about

from typing import Final, NamedTuple


class Pair(NamedTuple):
    """A text that was saved, and a query."""

    script: str
    written: str
    typed: str


FOUND: Final = [
    # --- Latin: accents, strokes, ligatures and capitals that keyboards do not have
    Pair("Latin", "Café Übersicht", "cafe ubersicht"),
    Pair("Latin", "Straßenliste", "strassenliste"),
    Pair("Latin", "STRASSENLISTE", "straßenliste"),
    Pair("Latin", "Wysyłka Łódź", "wysylka lodz"),
    Pair("Latin", "Smørrebrød på Ærø", "smorrebrod pa aero"),
    Pair("Latin", "Báo cáo đường sắt", "bao cao duong sat"),
    Pair("Latin", "Þingvellir yfirlit", "thingvellir"),
    Pair("Latin", "Œuvres complètes", "oeuvres completes"),
    Pair("Latin", "İstanbul ışık raporu", "istanbul isik"),
    Pair("Latin", "DIŞ TİCARET", "dış ticaret"),
    Pair("Latin", "Ħal Għargħur", "hal gharghur"),
    Pair("Latin", "Çiçek siparişi", "cicek siparisi"),
    Pair("Latin", "Žluťoučký kůň", "zlutoucky kun"),
    Pair("Latin", "Őrült árvíztűrő", "orult arvizturo"),
    Pair("Latin", "Știri și informații", "stiri si informatii"),
    Pair("Latin", "Ştiri cu sedilă", "știri cu sedila"),
    Pair("Latin", "ﬁnance oﬀice ﬂow", "finance office flow"),
    Pair("Latin", "Ｆｕｌｌｗｉｄｔｈ Ｒｅｐｏｒｔ", "fullwidth report"),
    Pair("Latin", "Invoice\u200bSync", "InvoiceSync"),
    Pair("Latin", "Zusammen\u00adarbeit", "zusammenarbeit"),
    Pair("Latin", "Ɓaɓɓe ƙasa", "babbe kasa"),
    Pair("Latin", "x² and H₂O", "x2 h2o"),
    Pair("Latin", "№ 5 ™ report", "no 5 tm"),
    # --- Greek: tonos, dialytika, final sigma
    Pair("Greek", "Αθήνα αναφορά", "αθηνα αναφορα"),
    Pair("Greek", "ΛΟΓΑΡΙΑΣΜΟΣ", "λογαριασμός"),
    Pair("Greek", "λογαριασμός", "λογαριασμοσ"),
    Pair("Greek", "Μαΐου προϋπολογισμός", "μαιου προυπολογισμος"),
    Pair("Greek", "ᾠδὴ τῷ λόγῳ", "ωιδη τωι λογωι"),
    # --- Cyrillic: yo, stress, capitals, decomposed short i
    Pair("Cyrillic", "Учёт расходов", "учет расходов"),
    Pair("Cyrillic", "учет расходов", "учёт"),
    Pair("Cyrillic", "НОВЫЙ ЗАКАЗ", "новый заказ"),
    Pair("Cyrillic", "новый", "новый"),
    Pair("Cyrillic", "за\u0301мок на горе", "замок"),
    Pair("Cyrillic", "Їжак і ґанок", "їжак ґанок"),
    Pair("Cyrillic", "Љубљана преглед", "љубљана"),
    Pair("Cyrillic", "ЎЗБЕКИСТОН", "ўзбекистон"),
    # --- Armenian, Georgian, Cherokee: capitals
    Pair("Armenian", "ՀԱՅԱՍՏԱՆ հաշվետվություն", "հայաստան"),
    Pair("Armenian", "Երևան", "երեւան"),
    Pair("Georgian", "ᲡᲐᲥᲐᲠᲗᲕᲔᲚᲝ", "საქართველო"),
    Pair("Georgian", "საქართველო ანგარიში", "ანგარიში"),
    Pair("Cherokee", "ᏣᎳᎩ", "ꮳꮃꭹ"),
    # --- Hebrew: points, presentation forms
    Pair("Hebrew", "שָׁלוֹם עוֹלָם", "שלום עולם"),
    Pair("Hebrew", "דוח חודשי", "חודשי"),
    Pair("Hebrew", "\ufb2aלום", "שלום"),
    Pair("Hebrew", "\u200fחשבונית\u200e", "חשבונית"),
    # --- Arabic and Persian: vowel signs, hamza, tatweel, two keyboards
    Pair("Arabic", "مُحَمَّد", "محمد"),
    Pair("Arabic", "أحمد إبراهيم آمال", "احمد ابراهيم امال"),
    Pair("Arabic", "تقـــرير", "تقرير"),
    Pair("Arabic", "ﻣﺤﻤﺪ", "محمد"),
    Pair("Arabic", "طلب رقم ١٢٣", "طلب 123"),
    Pair("Arabic", "مستشفى", "مستشفي"),
    Pair("Persian", "گزارش یک کتاب", "گزارش يك كتاب"),
    Pair("Persian", "می\u200cخواهم", "میخواهم"),
    Pair("Persian", "سفارش ۴۵", "سفارش 45"),
    # --- scripts of India: signs that are letters stay, joiners go
    Pair("Devanagari", "रिपोर्ट हिन्दी", "हिन्दी"),
    Pair("Devanagari", "क्\u200dष रिपोर्ट", "क्ष"),
    Pair("Devanagari", "ज़रूरी", "ज\u093cरूरी"),
    Pair("Devanagari", "आदेश १२", "आदेश 12"),
    Pair("Bengali", "বাংলা প্রতিবেদন", "প্রতিবেদন"),
    Pair("Bengali", "ড\u09bcাকা", "ড়াকা"),
    Pair("Gurmukhi", "ਪੰਜਾਬੀ ਰਿਪੋਰਟ", "ਪੰਜਾਬੀ"),
    Pair("Gujarati", "ગુજરાતી અહેવાલ", "અહેવાલ"),
    Pair("Tamil", "தமிழ் அறிக்கை", "அறிக்கை"),
    Pair("Tamil", "கொ", "க\u0bc6\u0bbe"),
    Pair("Telugu", "తెలుగు నివేదిక", "నివేదిక"),
    Pair("Kannada", "ಕನ್ನಡ ವರದಿ", "ವರದಿ"),
    Pair("Malayalam", "മലയാളം റിപ്പോർട്ട്", "മലയാളം"),
    Pair("Sinhala", "සිංහල වාර්තාව", "වාර්තාව"),
    # --- scripts without spaces between words: any part is found
    Pair("Thai", "รายงานประจำเดือน", "ประจำ"),
    Pair("Thai", "รายงานประจําเดือน", "ประจำเดือน"),
    Pair("Thai", "ใบสั่งซื้อ ๑๒", "ใบสั่งซื้อ 12"),
    Pair("Lao", "ລາຍງານປະຈຳເດືອນ", "ປະຈຳ"),
    Pair("Khmer", "របាយការណ៍ប្រចាំខែ", "ប្រចាំ"),
    Pair("Myanmar", "အစီရင်ခံစာ", "ရင်ခံ"),
    Pair("Tibetan", "བོད་ཡིག་སྙན་ཞུ", "ཡིག"),
    Pair("Han", "每月销售报告", "销售"),
    Pair("Han", "每月销售报告", "售报告"),
    Pair("Han", "注文データ処理", "処理"),
    Pair("Han", "是", "是"),
    Pair("Han", "\uf900車", "豈"),
    Pair("Hiragana", "まいつきのレポート", "つきの"),
    Pair("Hiragana", "か\u3099っこう", "がっこう"),
    Pair("Katakana", "ﾚﾎﾟｰﾄ作成", "レポート"),
    Pair("Katakana", "データベース", "テ\u3099ータヘ\u3099ース"),
    Pair("Katakana", "㌔メートル", "キロメートル"),
    Pair("Hangul", "매출 보고서", "보고서"),
    Pair("Hangul", "\u1106\u1162\u110e\u116e\u11af", "매출"),
    Pair("Hangul", "매출보고서", "보고"),
    Pair("Hangul", "월간 리포트", "리포"),
    # --- others with spaces or signs of their own
    Pair("Ethiopic", "የወር ሪፖርት", "ሪፖርት"),
    Pair("Mongolian", "ᠮᠣᠩᠭᠣᠯ", "ᠮᠣᠩᠭᠣᠯ"),
    Pair("Adlam", "𞤀𞤁𞤂𞤢𞤥", "𞤢𞤣𞤤𞤢𞤥"),
    Pair("Deseret", "𐐔𐐇𐐝𐐀𐐡𐐇𐐓", "𐐼𐐯𐑅𐐨𐑉𐐯𐐻"),
    # --- symbols and numbers
    Pair("Emoji", "🚀 Ship it", "🚀"),
    Pair("Emoji", "🚀 Ship it", "🚀 ship"),
    Pair("Emoji", "❤️ likes", "❤ likes"),
    Pair("Emoji", "👩‍💻 builds", "👩💻"),
    Pair("Emoji", "status✅done", "✅"),
    Pair("Numbers", "host 10.0.0.17 up", "10.0.0.17"),
    Pair("Numbers", "host 10.0.0.17 up", "10.0.0"),
    Pair("Numbers", "due 2024-01-31", "2024-01"),
    Pair("Numbers", "call +43 660 1234567", "1234567"),
    Pair("Numbers", "chat -1001234567890", "1001234567890"),
    Pair("Numbers", "due 2024-01-31", "2024-01-31"),
    Pair("Numbers", "release v1.12.3", "1.12.3"),
    Pair("Numbers", "cron 0 9 * * 1-5", '"0 9 * * 1-5"'),
]
"""Texts and queries that find them, whole words or the beginning of the last one."""

APART: Final = [
    Pair("Cyrillic", "мои заказы", "мой"),
    Pair("Cyrillic", "і так", "ї"),
    Pair("Devanagari", "कल", "काल"),
    Pair("Devanagari", "जरा", "ज़रा"),
    Pair("Thai", "มา", "ม้า"),
    Pair("Thai", "ไกล", "ใกล"),
    Pair("Hiragana", "はな", "ばな"),
    Pair("Hiragana", "びよういん", "びょういん"),
    Pair("Katakana", "ハス", "バス"),
    Pair("Hangul", "가방", "나방"),
    Pair("Han", "售销", "销售"),
    Pair("Han", "报每告月", "报告"),
    Pair("Hebrew", "ספר", "סופר"),
    Pair("Latin", "Flow 10", "flow 2"),
    Pair("Latin", "form letters", "from letters"),
    Pair("Numbers", "host 10.0.0.171 up", '"10.0.0.17 up"'),
    Pair("Numbers", "2024-01-31", "2024-31-01"),
    Pair("Emoji", "👍 yes", "👎"),
    Pair("Tamil", "கலை", "காலை"),
    Pair("Myanmar", "ကား", "စား"),
]
"""Texts and queries that must not find them."""
