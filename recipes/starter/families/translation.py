"""Common words between English and French, Spanish or German; each pair is asked once."""

from __future__ import annotations

import random

from recipes.starter.families.draft import Draft, phrase

# English: French, Spanish, German; alternatives are separated by a bar.
_WORDS = {
    "house": ("maison", "casa", "Haus"),
    "dog": ("chien", "perro", "Hund"),
    "cat": ("chat", "gato", "Katze"),
    "water": ("eau", "agua", "Wasser"),
    "bread": ("pain", "pan", "Brot"),
    "red": ("rouge", "rojo|roja", "rot"),
    "green": ("vert|verte", "verde", "grün"),
    "book": ("livre", "libro", "Buch"),
    "day": ("jour|journée", "día|dia", "Tag"),
    "night": ("nuit", "noche", "Nacht"),
    "sun": ("soleil", "sol", "Sonne"),
    "moon": ("lune", "luna", "Mond"),
    "friend": ("ami|amie", "amigo|amiga", "Freund|Freundin"),
    "mother": ("mère", "madre", "Mutter"),
    "father": ("père", "padre", "Vater"),
    "school": ("école", "escuela", "Schule"),
    "good": ("bon|bonne", "bueno|buena|bien", "gut"),
    "big": ("grand|grande|gros", "grande", "groß|gross"),
    "hand": ("main", "mano", "Hand"),
    "tree": ("arbre", "árbol|arbol", "Baum"),
    "milk": ("lait", "leche", "Milch"),
    "king": ("roi", "rey", "König"),
    "city": ("ville", "ciudad", "Stadt"),
    "love": ("amour", "amor", "Liebe"),
    "door": ("porte", "puerta", "Tür"),
    "heart": ("coeur|cœur", "corazón|corazon", "Herz"),
}
_LANGUAGES = ("French", "Spanish", "German")
_INTO = (
    'Translate "{word}" into {language}.',
    "What is the {language} word for {word}?",
    "How do you say {word} in {language}?",
)
_FROM = (
    'What does the {language} word "{word}" mean in English?',
    'Translate the {language} word "{word}" into English.',
)


def draw(rng: random.Random) -> Draft:
    """A word to translate into English or out of it."""
    english = rng.choice(tuple(_WORDS))
    column = rng.randrange(3)
    foreign, language = _WORDS[english][column], _LANGUAGES[column]
    if rng.random() < 0.4:
        prompt = phrase(rng, _INTO, word=english, language=language)
        answer = _with_articles(foreign)
        return Draft(f"into_{language}", prompt, answer, "word", subject=f"{language}<{english}")
    prompt = phrase(rng, _FROM, word=foreign.split("|")[0], language=language)
    return Draft(f"from_{language}", prompt, english, "word", subject=f"{language}>{english}")


def _with_articles(words: str) -> str:
    """A noun with its article is as right as the noun alone."""
    articles = ("", "la ", "le ", "el ", "der ", "die ", "das ", "l'")
    return "|".join(article + word for word in words.split("|") for article in articles)
