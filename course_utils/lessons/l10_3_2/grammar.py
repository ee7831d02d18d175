"""A small language about scenes: what is written, what is asked, and a parser that says whether a sentence is true.

A scene's facts are a list of (colour, noun) from left to right. A sentence is a list of words.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from course_utils.lessons.l10_3_2.scenes import COLORS, NOUNS

PAD, START, MASK = "<pad>", "<start>", "<mask>"
HERE, HUES = tuple(NOUNS), tuple(COLORS)
MORE_NOUNS = (*HERE, "bird", "cat", "deer", "dog", "truck")  # of the text that the language model reads alone
MORE_HUES = (*HUES, "white", "black")
COUNTS = ("one", "two", "three")
OTHERS = ("a", "the", "is", "what", "how", "many", "colour", "there", "left", "of", "objects", "and", ".", "?")
WORDS = (PAD, START, MASK, *OTHERS, "yes", "no", *COUNTS, *MORE_HUES, *MORE_NOUNS)
NUMBER = {word: n for n, word in enumerate(WORDS)}
KINDS = ("exist", "count", "colour", "beside", "relation")
LENGTH = 25  # words in a sequence at most, the start included


def caption(facts) -> list[str]:
    """The one right caption: everything, from left to right."""
    parts = [["a", color, noun] for color, noun in facts]
    return " left of ".join(" ".join(part) for part in parts).split() + ["."]


def web_caption(facts, rng) -> list[str]:
    """A caption as they lie about: in any order, half of the colours left out, now and then an object, too."""
    order = [facts[i] for i in rng.permutation(len(facts))]
    if len(order) > 1 and rng.random() < 0.3:
        order = order[:-1]
    parts = [f"a {color} {noun}" if rng.random() < 0.5 else f"a {noun}" for color, noun in order]
    return " and ".join(parts).split() + ["."]


def question(facts, rng, kind: str | None = None, nouns: Sequence[str] = HERE) -> tuple[list[str], str, str]:
    """(question, its answer, its kind). Yes and no are equally likely. nouns: those one may ask for."""
    several = len(facts) > 1
    kind = kind or KINDS[rng.integers(len(KINDS) if several else 3)]
    seen = [noun for _, noun in facts]
    color, noun = facts[rng.integers(len(facts))]
    if kind == "exist":
        yes = rng.random() < 0.5
        absent = [name for name in nouns if name not in seen]
        name = noun if yes else absent[rng.integers(len(absent))]
        return f"is there a {name} ?".split(), "yes" if yes else "no", kind
    if kind == "count":
        return "how many objects ?".split(), COUNTS[len(facts) - 1], kind
    if kind == "colour":
        return f"what colour is the {noun} ?".split(), color, kind
    if not several:
        raise ValueError(f"a question of the kind {kind!r} needs two objects")
    if kind == "beside":
        i = int(rng.integers(1, len(facts)))
        return f"what is left of the {seen[i]} ?".split(), seen[i - 1], kind
    i, j = rng.permutation(len(facts))[:2]
    return f"is the {seen[i]} left of the {seen[j]} ?".split(), "yes" if i < j else "no", kind


def story(rng) -> tuple[list[str], float]:
    """Text without any image: a description of something nobody saw, a question about it, the answer; and its
    surprise in nats, -ln of its probability: no language model can be better, on average, than the mean of these."""
    count = int(rng.integers(1, 4))
    nouns = [MORE_NOUNS[i] for i in rng.permutation(len(MORE_NOUNS))[:count]]
    facts = [(MORE_HUES[rng.integers(len(MORE_HUES))], noun) for noun in nouns]
    query, answer, kind = question(facts, rng, nouns=MORE_NOUNS)
    ways = {"exist": 2 * (count if answer == "yes" else len(MORE_NOUNS) - count), "count": 1, "colour": count}
    ways |= {"beside": count - 1, "relation": count * (count - 1)}
    surprise = math.log(3 * math.perm(len(MORE_NOUNS), count) * len(MORE_HUES) ** count)
    surprise += math.log((len(KINDS) if count > 1 else 3) * ways[kind])
    return caption(facts) + query + [answer], surprise


def parse(words: Sequence[str]) -> list[tuple[str, str]] | None:
    """What a caption says: (colour, noun) from left to right; None where it breaks the grammar."""
    words = list(words)
    if not words or words[-1] != ".":
        return None
    facts = [tuple(part.split()[1:]) for part in " ".join(words[:-1]).split(" left of ")]
    right = all(len(fact) == 2 and fact[0] in MORE_HUES and fact[1] in MORE_NOUNS for fact in facts)
    return facts if right and caption(facts) == words else None


def judge(words: Sequence[str], facts) -> dict[str, bool]:
    """Is a caption grammatical, is everything true that it says, and does it say everything?"""
    said = parse(words)
    if said is None:
        return dict(grammatical=False, true=False, complete=False)
    places = [facts.index(fact) if fact in facts else None for fact in said]
    true = None not in places and all(a < b for a, b in zip(places, places[1:], strict=False))
    return dict(grammatical=True, true=true, complete=true and len(said) == len(facts))


def numbers(words: Sequence[str], length: int = LENGTH) -> list[int]:
    """The numbers of the words, filled up with <pad>."""
    row = [NUMBER[word] for word in words]
    return row + [0] * (length - len(row))
