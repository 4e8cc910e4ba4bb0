#!/usr/bin/env python3
"""Writes what Hugging Face's tokenizers make of a text, for tests/unit/data_tokenizer_test.cc.

  python3 -m venv /tmp/venv && /tmp/venv/bin/pip install tokenizers regex
  /tmp/venv/bin/python tests/tokenizer/make_golden.py

text.bin        a text in several languages, with emoji, odd blanks and long ones
broken.bin      the same with broken UTF-8 in it
tokenizer.json  what BpeTrainer learned from text.bin
old_merges.json the same with merges as strings, as tokenizers before 0.20 wrote them
text.ids        the numbers of text.bin, one a line
broken.ids      of broken.bin: GPT-2's pattern by `regex`, each word by the library's model
"""

import json
import pathlib

import regex
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

FOLDER = pathlib.Path(__file__).parent
PATTERN = r"""'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"""

PARTS = [
    "The quick brown fox jumps over the lazy dog, and the dog doesn't mind: it's the fox's way.\n",
    "I'll say we've seen they're here, I'd go, I'm sure. IT'S NOT 'split' like 'this', isn''t it?\n",
    "Der Übermut tut selten gut; die Straße führt nach Köln, wo die Äpfel größer sind.\n",
    "L'été dernier, à Besançon, où naïveté et cœur s'accordaient, ça m'a plu.\n",
    "El niño comió piñas en el jardín; ¿dónde está el camión? ¡Ahí!\n",
    "Съешь же ещё этих мягких французских булок, да выпей чаю.\n",
    "Ξεσκεπάζω την ψυχοφθόρα βδελυγμία.\n",
    "いろはにほへと ちりぬるを。漢字とカナ、半角ｶﾅ。\u3000全角の空白。\n",
    "天地玄黃，宇宙洪荒。日月盈昃，辰宿列張。\n",
    "키스의 고유조건은 입술끼리 만나야 하고.\n",
    "सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता।\n",
    "نص حكيم له سر قاطع وذو شأن عظيم ١٢٣٤٥٦٧٨٩٠\n",
    "Tiếng Việt: Do bạch kim rất quý nên sẽ dùng để lắp vô xương. Combining: e\u0301 a\u0308 n\u0303\n",
    "😀😃 👩‍👩‍👧‍👦 🇩🇪🇫🇷 ☕️ ✅ — “quotes” ‘single’ … • © ® ™ ∑ ∞ ≠ €\n",
    "Numbers: 0 12 345 6789 1,234.56 3.14e-10 0x1F ½ ² ³ ⅷ Ⅻ ① ٣ 五\n",
    "def f(x):\n    if x > 1:\n        return x ** 2\n\telse:\n\t\treturn {'a': [1, 2]}\n\n\n",
    "blanks:  two   three    four" + " " * 40 + "forty\t\ttabs \t mixed\u00a0nbsp\u00a0\u00a0two"
    "\u2003em\u2028line\u2029para\u0085next\u1680ogham\u180enot\u200bnone\u202f\u205f.\r\n\r\nend  \n",
    " leading and trailing   \n\n\n   \n \n",
    "x" * 300 + " " + "ab" * 150 + " aaaa aaaaa aaaaaa\n",
    "\x00\x01\x02\x1f\x7f control \x0b\x0c characters <|endoftext|> in a text\n",
]


def broken(text):
    data = bytearray(text.encode())
    for place, bad in ((5, b"\xff"), (60, b"\xe2\x82"), (400, b"\xc0\x80"), (900, b"\xf0\x9f\x98"),
                       (1200, b"\xed\xa0\x80 \x80\x80a")):
        data[place:place] = bad
    return bytes(data) + b" ends \xf4\x90\x80\x80\xe2"


def main():
    text = "".join(PARTS)
    (FOLDER / "text.bin").write_bytes(text.encode())
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=600, min_frequency=2, show_progress=False,
                                  special_tokens=["<|endoftext|>"],
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet())
    tokenizer.train_from_iterator([text], trainer)
    tokenizer.save(str(FOLDER / "tokenizer.json"))
    old = json.loads((FOLDER / "tokenizer.json").read_text())
    old["model"]["merges"] = [" ".join(pair) for pair in old["model"]["merges"]]
    (FOLDER / "old_merges.json").write_text(json.dumps(old, ensure_ascii=False))

    # Names of special tokens are text to Strait, so the parts between them are encoded one by one.
    plain = Tokenizer(tokenizer.model)
    plain.pre_tokenizer = tokenizer.pre_tokenizer
    ids = plain.encode(text, add_special_tokens=False).ids
    (FOLDER / "text.ids").write_text("".join(f"{i}\n" for i in ids))

    data = broken(text)
    (FOLDER / "broken.bin").write_bytes(data)
    printable = {}
    extra = 0x100
    for byte in range(256):
        if 33 <= byte <= 126 or 161 <= byte <= 172 or byte >= 174:
            printable[byte] = chr(byte)
        else:
            printable[byte] = chr(extra)
            extra += 1

    def by_pattern(data):
        ids = []
        for word in regex.findall(PATTERN, data.decode(errors="surrogateescape")):
            written = "".join(printable[b] for b in word.encode(errors="surrogateescape"))
            ids += [token.id for token in tokenizer.model.tokenize(written)]
        return ids

    assert by_pattern(text.encode()) == ids, "regex and the library cut words differently"
    (FOLDER / "broken.ids").write_text("".join(f"{i}\n" for i in by_pattern(data)))


if __name__ == "__main__":
    main()
