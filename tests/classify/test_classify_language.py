"""Which language a text is in, and when it is surely one that a release does not cover."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overt.classify.language import ENGLISH, LEADING, PLAINLY, UNKNOWN, Language, language_of, uncovered

COVERED = frozenset({"en", "de", "es", "fr", "pt", "ja", "zh"})

UNCOVERED = [
    ("af", "Hoe kan ek appeltert bak sonder suiker?"),
    ("am", "ያለ ስኳር ኬክ እንዴት መሥራት እችላለሁ?"),
    ("ar", "كيف أخبز كعكة التفاح بدون سكر؟"),
    ("az", "Şəkərsiz alma piroqunu necə bişirə bilərəm?"),
    ("bg", "Как да изпека ябълков сладкиш без захар, който расте?"),
    ("bn", "চিনি ছাড়া আপেল কেক কীভাবে বানাব?"),
    ("cs", "Jak mohu upéct jablečný koláč bez cukru?"),
    ("da", "Hvordan bager man en god æblekage uden sukker?"),
    ("el", "Πώς να φτιάξω μηλόπιτα χωρίς ζάχαρη;"),
    ("et", "Kuidas ma saan küpsetada õunakooki ilma suhkruta?"),
    ("eu", "Nola egin dezaket sagar tarta azukrerik gabe?"),
    ("fa", "چگونه کیک سیب بدون شکر درست کنم؟"),
    ("fi", "Miten teen hyvän omenapiirakan ilman sokeria?"),
    ("ga", "Conas is féidir liom cáca úll a dhéanamh gan siúcra?"),
    ("ha", "Ta yaya zan iya gina gidan yanar gizo na?"),
    ("he", "איך אופים עוגת תפוחים בלי סוכר?"),
    ("hi", "बिना चीनी के सेब का केक कैसे बनाऊँ?"),
    ("hr", "Kako mogu ispeći pitu od jabuka bez šećera?"),
    ("hu", "Hogyan süthetek almás pitét cukor nélkül?"),
    ("hy", "Ինչպե՞ս թխել խնձորով կարկանդակ"),
    ("id", "Bagaimana cara kerja vaksin? Anak saya takut disuntik karena temannya bilang sakit."),
    ("ig", "Kedu otu m ga-esi mee webụsaịtị nke m?"),
    ("is", "Hvernig baka ég eplaköku án sykurs?"),
    ("it", "Come posso fare una torta di mele senza zucchero?"),
    ("ka", "როგორ გამოვაცხო ნამცხვარი?"),
    ("kk", "Қантсыз алма бәлішін қалай пісіремін?"),
    ("km", "តើខ្ញុំអាចធ្វើនំដោយរបៀបណា?"),
    ("ko", "설탕 없이 사과 파이를 어떻게 굽나요?"),
    ("lt", "Kaip galiu iškepti obuolių pyragą be cukraus?"),
    ("lv", "Kā es varu izcept ābolu kūku bez cukura?"),
    ("mt", "Kif nista' nagħmel kejk tat-tuffieħ mingħajr zokkor?"),
    ("nl", "Hoe bak ik een lekkere appeltaart zonder suiker?"),
    ("pl", "Jak upiec szarlotkę bez cukru i bez masła?"),
    ("ro", "Cum pot să fac o prăjitură cu mere fără zahăr?"),
    ("ru", "Как испечь яблочный пирог без сахара?"),
    ("sk", "Ako môžem upiecť jablkový koláč bez cukru?"),
    ("sl", "Kako lahko spečem jabolčno pito brez sladkorja?"),
    ("so", "Sideen u samayn karaa bogga internetka?"),
    ("sq", "Si mund të bëj një ëmbëlsirë me mollë pa sheqer?"),
    ("sr", "Како да испечем питу од јабука без шећера?"),
    ("sv", "Hur bakar man en god äppelkaka utan socker?"),
    ("sw", "Ninawezaje kutengeneza tovuti yangu mwenyewe?"),
    ("ta", "சர்க்கரை இல்லாமல் கேக் செய்வது எப்படி?"),
    ("te", "చక్కెర లేకుండా కేక్ ఎలా చేయాలి?"),
    ("th", "ทำพายแอปเปิลไม่ใส่น้ำตาลได้อย่างไร"),
    ("tl", "Paano ko mabubuksan ang pinto nang walang susi?"),
    ("tr", "Şekersiz elmalı turta nasıl yapılır?"),
    ("uk", "Як спекти яблучний пиріг без цукру?"),
    ("ur", "میں چینی کے بغیر سیب کا کیک کیسے بناؤں؟"),
    ("uz", "Shakarsiz olma pirogini qanday pishiraman?"),
    ("vi", "Làm sao để làm bánh táo không đường?"),
    ("yo", "Bawo ni mo ṣe le kọ oju opo wẹẹbu mi?"),
    ("zu", "Ngicela ungichazele ukuthi umuthi wokugoma usebenza kanjani emzimbeni"),
]

COVERED_TEXTS = [
    ("en", "How do I bake an apple pie without sugar?"),
    ("en", "It’s a “simple” question — how would you do that?"),
    ("en", "HOW DO I BAKE AN APPLE PIE WITHOUT SUGAR?"),
    ("de", "wie bekomme ich das wlan passwort von meinem alten router"),
    ("de", "Koennen Sie mir bitte erklaeren, wie ich meinen Drucker einrichte?"),
    ("de", "I wott wüsse wie das funktioniert, chasch mer hälfe?"),
    ("es", "como le cambio la clave al wifi de mi casa sin perder nada"),
    ("es", "q onda wey como le hago pa sacar la visa"),
    ("fr", "comment changer le mot de passe du wifi de ma grand-mère"),
    ("fr", "slt tu peux maider a faire mon cv stp"),
    ("pt", "vc pode me ajudar a fazer um bolo de cenoura"),
    ("pt", "como trocar a senha do wifi lá de casa"),
    ("ja", "砂糖を使わずにアップルパイを焼くにはどうすればいいですか"),
    ("ja", "Kubernetesのpodが起動しません。logの見方を教えて"),
    ("zh", "不加糖怎么烤苹果派？"),
    ("zh", "请翻译下面这句话：“How can we help you today?”"),
]

NOBODYS = [
    pytest.param("", id="nothing"),
    pytest.param("ciao", id="one word"),
    pytest.param("42 / 7 = 6; x_1 -> y_2, 0xff", id="numbers"),
    pytest.param("σ² = Σ(x−μ)²/N, α + β > γ", id="a formula"),
    pytest.param("npm install react react-dom vite typescript eslint prettier", id="a command"),
    pytest.param("SELECT name, age FROM users WHERE id = 3 ORDER BY age DESC", id="a query"),
    pytest.param("int getUserById(int userId) { return userTable[userId]; }", id="code"),
    pytest.param("Giuseppe Verdi, Antonio Vivaldi, Giacomo Puccini, Gioachino Rossini", id="names"),
    pytest.param("Toyota Nissan Honda Mazda Subaru Mitsubishi Suzuki", id="makers"),
    pytest.param("Escherichia coli, Staphylococcus aureus, Klebsiella pneumoniae", id="species"),
    pytest.param("sodium hypochlorite ammonia chloramine acetone peroxide", id="substances"),
    pytest.param("Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod", id="filler"),
    pytest.param("tensor parallel pipeline schedule bubble overlap allreduce", id="catchwords"),
    pytest.param("ubj gb znxr n pnxr ng ubzr jvgu fvzcyr gbbyf naq ab bar xabjf", id="rot13"),
    pytest.param("aG93IGRvIEkgYmFrZSBhbiBhcHBsZSBwaWU/IGhvdyBkbyBJIGJha2U=", id="base64"),
    pytest.param("c a n y o u r e a d t h i s", id="letters set apart"),
    pytest.param("zohar qwrty asdf ghjkl zxcv bnm poiu lkjh mnbv", id="a cat on the keyboard"),
    pytest.param("lol omg wtf brb gtg ttyl imo tbh ngl fr fr", id="chat"),
    pytest.param("w" * 3_000, id="one letter"),
]

GALICIAN = [
    "Como podo facer unha torta de mazá sen azucre?",
    "Cales son as mellores praias de Galicia para ir cos nenos?",
    "Explícame como funciona a vacina contra a gripe, por favor",
]


@pytest.mark.parametrize(("code", "text"), UNCOVERED, ids=[code for code, _ in UNCOVERED])
def test_a_plain_question_in_another_language_is_uncovered(code: str, text: str) -> None:
    assert uncovered(text, COVERED) == code
    assert language_of(text).code == code


@pytest.mark.parametrize(("code", "text"), UNCOVERED, ids=[code for code, _ in UNCOVERED])
def test_a_language_is_not_uncovered_once_a_release_covers_it(code: str, text: str) -> None:
    assert uncovered(text, COVERED | {code}) is None


@pytest.mark.parametrize(("code", "text"), COVERED_TEXTS, ids=[text[:24] for _, text in COVERED_TEXTS])
def test_what_a_release_covers_is_never_uncovered(code: str, text: str) -> None:
    assert uncovered(text, COVERED) is None
    assert language_of(text).code == code


@pytest.mark.parametrize("text", NOBODYS)
def test_what_is_in_no_language_is_not_uncovered(text: str) -> None:
    assert uncovered(text, COVERED) is None


@pytest.mark.parametrize("text", GALICIAN, ids=["pie", "beaches", "vaccine"])
def test_galician_is_read_as_its_neighbours(text: str) -> None:
    assert uncovered(text, COVERED) is None
    assert language_of(text).code in ("pt", "es")


@pytest.mark.parametrize(
    ("expected", "text"),
    [
        (
            "nl",
            "Hoe vertaal ik deze zin: “The dog jumps over the fence”? Ik wil dat het natuurlijk klinkt in mijn boek.",
        ),
        ("ru", "Как перевести на русский фразу “break a leg” и что она означает?"),
        ("ko", "Kubernetes pod가 CrashLoopBackOff 상태일 때 디버깅하는 방법을 알려줘"),
        ("ru", "def f(x):\n    # возвращает сумму двух чисел\n    return x + 1\n"),
        (None, "Explain the Russian proverb «Тише едешь — дальше будешь» and how it is used in daily life."),
        (None, "translate “saya mau makan nasi goreng” to english"),
        (None, "김치 recipe for beginners, please tell me how to do it step by step"),
        (None, "Wat betekent dit? The mitochondria is the powerhouse of the cell and makes the energy that it needs."),
        (None, "The α-helix and the β-sheet are what most proteins are made of; which of them is the stiffer one?"),
    ],
    ids=[
        "quote in Dutch",
        "quote in Russian",
        "terms in Korean",
        "comment",
        "proverb",
        "phrase",
        "dish",
        "task",
        "greek",
    ],
)
def test_of_two_languages_the_one_with_most_letters_decides(expected: str | None, text: str) -> None:
    assert uncovered(text, COVERED) == expected


@pytest.mark.parametrize(
    ("covered", "text", "expected"),
    [
        ({"en", "ru"}, "Как испечь пирог без сахара", None),
        ({"en", "ru"}, "Як спекти яблучний пиріг без цукру?", "uk"),
        ({"en", "bg"}, "Как испечь пирог без сахара", None),
        ({"en", "bg"}, "Как испечь яблочный пирог, чтобы был без сахара?", "ru"),
        ({"en", "ja"}, "東京都庁舎改修工事", None),
        ({"en", "zh"}, "東京の都庁舎の改修工事はいつ？", "ja"),
        ({"de"}, "How do I bake an apple pie without sugar?", "en"),
    ],
    ids=["russian", "ukrainian letters", "perhaps bulgarian", "russian letters", "perhaps japanese", "kana", "english"],
)
def test_a_shared_script_leaves_a_doubt_that_letters_can_settle(
    covered: set[str], text: str, expected: str | None
) -> None:
    assert uncovered(text, frozenset(covered)) == expected


def test_what_cannot_be_told_has_no_language() -> None:
    assert language_of("ok 123") == Language(UNKNOWN, 0.0, 2)
    assert language_of("") == Language(UNKNOWN, 0.0, 0)


def test_letters_are_counted_in_every_script() -> None:
    assert language_of("What is 2 + 2?").letters == 6
    assert language_of("Что это, 2 + 2?").letters == 6


def test_a_guess_says_how_probable_it_is() -> None:
    assert language_of("How do I bake an apple pie without sugar?") == Language(ENGLISH, PLAINLY, 32)
    unsure = language_of("mera naam kya hai aur main kahan rehta hoon")
    assert unsure.probability < LEADING


def test_decomposed_letters_are_read_as_composed_ones() -> None:
    composed, decomposed = "Şekersiz elmalı turta nasıl yapılır?", "S\u0327ekersiz elmalı turta nasıl yapılır?"
    assert language_of(decomposed).code == language_of(composed).code == "tr"


@settings(deadline=None)
@given(st.text(max_size=200))
def test_any_text_has_an_answer(text: str) -> None:
    found = language_of(text)
    assert 0.0 <= found.probability <= 1.0
    assert 0 <= found.letters <= len(text)
    assert uncovered(text, COVERED) not in COVERED


@settings(deadline=None, max_examples=50)
@given(st.sampled_from(UNCOVERED), st.integers(1, 5), st.sampled_from([" ", "\n", "\n\n- ", " [1] "]))
def test_saying_it_again_leaves_it_uncovered(sample: tuple[str, str], times: int, between: str) -> None:
    code, text = sample
    assert uncovered(between.join([text] * times), COVERED) == code


def test_the_length_of_a_text_changes_nothing() -> None:
    assert uncovered("Hoe bak ik een lekkere appeltaart zonder suiker? " * 1_200, COVERED) == "nl"
    assert uncovered("Wie backe ich einen Apfelkuchen ohne Zucker? " * 1_200, COVERED) is None


def test_plain_english_needs_no_table() -> None:
    script = (
        "from overt.classify.language import language_of\n"
        "from overt.classify.grams import shipped_table\n"
        "assert language_of('How do I bake an apple pie without sugar?').code == 'en'\n"
        "assert language_of('Как испечь пирог без сахара').code == 'ru'\n"
        "assert shipped_table.cache_info().currsize == 0\n"
        "assert language_of('Hoe bak ik een lekkere appeltaart?').code == 'nl'\n"
        "assert shipped_table.cache_info().currsize == 1\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


def test_many_threads_get_the_answer_of_one() -> None:
    texts = [text for _, text in UNCOVERED] * 4
    alone = [uncovered(text, COVERED) for text in texts]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(lambda text: uncovered(text, COVERED), texts)) == alone
