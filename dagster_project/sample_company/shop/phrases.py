"""What customers of the shop write: reviews, comments and complaints. Not here: who writes, and when."""

REVIEWS = (
    (
        "Awful, it arrived broken and nobody answers.",
        "Terrible quality, never again.",
        "Rude staff, I hate this shop now.",
    ),
    (
        "Disappointing, smaller than in the picture.",
        "The parcel came late and damp.",
        "Stale biscuits, sadly.",
    ),
    ("It is fine.", "As described.", "Average, a bit dear."),
    ("Good quality and quick delivery.", "Nice shop, helpful people.", "Tasty, I will buy it again."),
    (
        "Excellent tea, we love it!",
        "Wonderful gift, beautifully packed!",
        "The best coffee in town, so friendly!",
    ),
)
"""By rating, 1 to 5."""

PROBLEMS = (
    ("delivery", "Where is my parcel?", "My parcel has not arrived and the tracking has not moved for days."),
    ("delivery", "Parcel damaged", "The box was crushed and the contents are broken. I am disappointed."),
    (
        "return",
        "How do I send something back?",
        "I would like to return an item of my last order. What do I do?",
    ),
    ("return", "Refund missing", "I sent it back and still wait for my money. This is annoying."),
    ("product", "Wrong item", "You sent me the wrong size. Please exchange it."),
    ("loyalty", "Points missing", "The points of my last purchase are not on my card."),
    ("loyalty", "Card lost", "I have lost my card, can I have a new one with my points? Thank you!"),
    ("account", "Cannot log in", "The web shop does not accept my password any more."),
)
"""Kind, subject and text."""
