"""The words of tickets, ratings and survey answers: small grammars, one list of each part per tone.

Tones run from 0 (angry) to 4 (delighted). Here: words and how a number picks them. Not here: who writes.
"""

import polars as pl

SUBJECTS = (
    ("Unacceptable: {} broken again", "Furious about {}", "{} is a disaster", "Terrible experience with {}"),
    ("Problem with {}", "{} fails too often", "Disappointed by {}", "{} still not working"),
    ("Question about {}", "{}: how does it work?", "{} settings", "Request on {}"),
    (
        "Quick question on {}",
        "Help with {}, please",
        "Nice update of {}, one question",
        "{}: thanks in advance",
    ),
    ("Love {}, small wish", "Great work on {}", "{} is excellent, one idea", "Happy with {}, one question"),
)

OPENERS = (
    (
        "This is absolutely unacceptable.",
        "I am furious.",
        "We are sick of this awful mess.",
        "I hate having to write this again.",
        "Your service is a terrible disappointment.",
    ),
    (
        "We are disappointed.",
        "This is getting frustrating.",
        "I am not happy with this.",
        "Sadly there is a problem again.",
        "It is annoying to report this once more.",
    ),
    (
        "Hello,",
        "Good morning,",
        "I am writing about our account.",
        "Our team noticed the following.",
        "Please see below.",
    ),
    (
        "Hi there, hope you are well.",
        "Thanks for the good support so far.",
        "Hello friends,",
        "We enjoy working with your product.",
        "Hi, thank you for the helpful reply last time.",
    ),
    (
        "We absolutely love the product!",
        "Fantastic work, everybody here is delighted!",
        "You are the best, thank you so much!",
        "Our whole team is very happy with you!",
        "What an excellent, wonderful tool!",
    ),
)

PROBLEMS = (
    "How can we change who may see {}?",
    "The page with {} does not load since this morning.",
    "We see a different number in {} than in our own records.",
    "Please explain how {} work with several workspaces.",
    "When we open {}, the screen stays empty for a minute.",
    "Can you switch on {} for the new colleagues?",
    "After the last release {} look different to us.",
    "Our administrator cannot find the settings for {}.",
    "We would like to connect {} to our warehouse.",
)

CONSEQUENCES = (
    (
        "We lost a whole day and our customers are angry.",
        "This failure costs us money and nobody cares.",
        "It is the worst tool that we pay for.",
        "My team refuses to use this garbage any longer.",
        "It is a horrible waste of time.",
    ),
    (
        "It delays our weekly work and causes trouble.",
        "Colleagues complain about it.",
        "We had hoped for a better quality.",
        "It fails at the worst moments.",
        "The workaround is painful.",
    ),
    (
        "It concerns three of our users.",
        "We noticed it yesterday.",
        "It happens in the main workspace.",
        "We use the current browser version.",
        "There are two screenshots in the attachment.",
    ),
    (
        "It is no big problem, we can work well.",
        "The rest works nicely.",
        "We like the new layout.",
        "No hurry, we are fine.",
        "It would help us to save time.",
    ),
    (
        "Everything else works perfectly and saves us hours.",
        "It is amazing how easy it has become.",
        "The new version is brilliant.",
        "We recommend you to all our friends.",
        "It makes our work a joy.",
    ),
)

CLOSINGS = (
    (
        "Fix this now or we cancel.",
        "I demand an answer today.",
        "We are seriously considering leaving.",
        "Shame on you.",
    ),
    (
        "Please solve this soon.",
        "We expect a better answer this time.",
        "This cannot go on.",
        "Please do not ignore this.",
    ),
    ("Regards", "Please let us know.", "Waiting for your reply.", "Tell us if you need more details."),
    (
        "Thanks for your help!",
        "Many thanks and best wishes.",
        "Thank you, have a nice day.",
        "Cheers and thanks.",
    ),
    (
        "Thank you, you are wonderful!",
        "Keep up the great work!",
        "Thanks a lot, we appreciate you!",
        "Best support ever, thank you!",
    ),
)

SURVEY_COMMENTS = (
    (
        "Awful support and constant errors.",
        "We hate it and look for a replacement.",
        "Terrible value, useless for us.",
    ),
    ("Too slow and somewhat disappointing.", "Missing features, bad for our use.", "Errors annoy my team."),
    ("It does its job.", "Average, no strong opinion.", "We use it for some reports."),
    ("Good tool, nice people.", "Helpful and easy to use.", "We like the dashboards."),
    ("Excellent! It saves us hours.", "We love it, great team.", "Fantastic product, very happy."),
)

GOOD_COMMENTS = ("Quick and friendly, thank you!", "Great help.", "Solved in no time, excellent.")
BAD_COMMENTS = (
    "Took far too long.",
    "Nobody understood the problem, bad support.",
    "Still broken, very disappointed.",
)

TOPICS = (
    "dashboards",
    "reports",
    "shared folders",
    "exports",
    "imports",
    "comments",
    "alerts",
    "mobile screens",
    "automations",
    "integrations",
    "API keys",
    "forecasts",
    "invoices",
)


def by_tone(parts: tuple[tuple[str, ...], ...], tone: pl.Expr, number: pl.Expr) -> pl.Expr:
    """A phrase of the tone, picked by a number of any size; all tones have equally many phrases."""
    width = len(parts[0])
    options = [phrase for tone_parts in parts for phrase in tone_parts]
    index = tone.cast(pl.Int64) * width + number % width
    return index.replace_strict(list(range(len(options))), options, return_dtype=pl.String)


def one_of(options: tuple[str, ...], number: pl.Expr) -> pl.Expr:
    """A phrase picked by a number of any size."""
    return (number % len(options)).replace_strict(
        list(range(len(options))), list(options), return_dtype=pl.String
    )


def ticket_subject(tone: pl.Expr, text: pl.Expr) -> pl.Expr:
    """Subject line; `text` is a random number of 40 bits."""
    topic = one_of(TOPICS, text // 8)
    return by_tone(SUBJECTS, tone, text).str.replace("{}", topic, literal=True)


def ticket_body(tone: pl.Expr, text: pl.Expr) -> pl.Expr:
    """First message: opener, problem on the topic of the subject, consequence and closing."""
    topic = one_of(TOPICS, text // 8)
    problem = one_of(PROBLEMS, text // 1_000).str.replace("{}", topic, literal=True)
    return pl.concat_str(
        by_tone(OPENERS, tone, text // 50_000),
        problem,
        by_tone(CONSEQUENCES, tone, text // 3_000_000),
        by_tone(CLOSINGS, tone, text // 100_000_000),
        separator=" ",
    )
