"""Words that company and person names are composed of.

Invented or everyday words; no list of real people or firms. Not here: how they are combined (`directory`).
"""


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


COMPANY_FIRST = _words(
    """
    Amber Arbor Argent Aspen Aster Atlas Azure Barrel Basalt Beacon Birch Blue Bold Bramble Breeze
    Bright Brook Cactus Candle Canyon Cedar Chalk Cinder Clear Cliff Cloud Clover Cobalt Comet Copper
    Coral Cotton Crane Crest Crimson Crystal Cypress Dawn Delta Desert Drift Dune Eagle Early East Echo
    Ember Fable Falcon Fern Field Fir Flint Forest Forge Fox Frost Garnet Gentle Glacier Gold Granite
    Grove Gull Harbor Harvest Hazel Heron Hollow Honey Horizon Indigo Iris Iron Ivory Jade Jasper
    Juniper Kestrel Lagoon Lantern Larch Lark Laurel Lemon Lily Linden Lotus Lumen Lunar Lynx Maple
    Marble Marsh Meadow Mesa Mint Mist Morning Moss Nectar Nimble North Nova Oak Oasis Ocean Olive Onyx
    Opal Orchard Orchid Osprey Otter Pebble Pepper Pine Pioneer Plum Polar Poplar Prairie Quartz Quiet
    Quill Rapid Raven Reed Ridge River Robin Rowan Ruby Saffron Sage Sand Sequoia Shale Silver Sky Slate
    Solar Sparrow Spruce Stone Summit Swift Teal Thistle Tidal Timber Topaz Tulip Umber Valley Velvet
    Verdant Violet Walnut Water West Wild Willow Winter Wren Zephyr
    """
)

COMPANY_SECOND = _words(
    """
    Analytics Apparel Archives Assembly Bakery Bearings Biotech Books Brands Brewing Bridge Builders
    Capital Care Cargo Ceramics Chemicals Clinics Coatings Coffee Components Consulting Couriers Crafts
    Dairy Data Dental Design Devices Diagnostics Digital Drilling Dynamics Education Electric Energy
    Engineering Events Fabrics Farms Finance Fitness Foods Foundry Freight Furniture Games Gardens Glass
    Grid Health Heating Holdings Homes Hospitality Hydraulics Imaging Insurance Interiors Kitchens Labs
    Learning Legal Lighting Logistics Machines Marine Markets Materials Media Medical Metals Mobility
    Motors Networks Optics Outdoor Packaging Paper Partners Pharma Photonics Plastics Plumbing Power
    Press Print Properties Provisions Rail Recruiting Retail Robotics Roofing Safety Sensors Shipping
    Software Sports Staffing Steel Storage Studios Supply Systems Tools Toys Travel Trust Ventures
    Wellness Wind Works
    """
)

COMPANY_THIRD = ("", "Group", "International", "Services", "Solutions", "Network", "Collective", "Global")

LEGAL_FORMS = ("Inc.", "LLC", "Ltd", "GmbH", "Corp.", "PLC", "B.V.", "AG")
LEGAL_FORMS_LONG = (
    "Incorporated",
    "L.L.C.",
    "Limited",
    "Gesellschaft mbH",
    "Corporation",
    "Public Limited Company",
    "BV",
    "A.G.",
)

FIRST_NAMES = _words(
    """
    Ada Alma Amir Anika Ansel Aria Arlo Asha Astrid Aziz Bea Bela Bram Brisa Cato Celia Chidi Cleo Corin
    Dalia Dario Davi Della Dimitri Edda Eiko Elan Elio Elsa Emeka Enzo Esme Ezra Farah Felix Fenna Finn
    Flora Gaia Gita Greta Hana Hugo Ida Ilya Imani Ines Iris Ivo Jada Jonas Juno Kai Kaya Kenji Kira
    Lars Leif Lena Lio Luca Luz Mae Maja Malik Mara Mika Mila Milo Mina Nadia Neo Nia Nico Nils Noor
    Nora Odin Olga Omar Oona Orla Otto Paz Petra Pia Priya Quinn Rafa Ravi Rhea Rina Roan Rosa Ruben
    Saga Samir Sana Selma Silas Sol Suri Tara Theo Tova Uma Vera Vito Wanda Yara Yuki Zara Zeno
    """
)

LAST_NAMES = _words(
    """
    Abelrun Alderwick Amsley Arnvik Ashgrove Barrowell Bekstrand Bellmarch Birkholt Blackfen Bramwick
    Brightsea Brundel Calverin Cardamoor Carrowby Castellune Cinderby Corvane Cragholm Dalmere
    Dankworthy Darrowmont Delvane Dornfeldt Duskwell Eastermoor Eckhaven Elderby Elmsworth Emberlin
    Fairhollow Falkenor Farrowdale Fenwickson Fernsby Finchmere Foxborne Frostling Galdimar Glenharrow
    Goldhurst Graymantle Greenloft Gullmark Hallowmere Harkvale Hartsome Havendell Hawksworthy Heathlow
    Hollinrake Ironwood Islander Ivymont Kestwick Kindlemar Kolvane Lakeborn Larkenfield Lindqvarn
    Lockmere Lowenthal-Rey Lunderby Maplethorn Marrowind Meadowcroft Merrivane Millbrandt Moorcastle
    Nightsong Norrland Oakenfold Oldersea Orrinval Ostervane Palmerin Pellgrave Pinehart Quarrington
    Quillfeather Ravenhall Redfernlow Ridgewell Rosendorf-Vale Rowanberg Sablecroft Saltmarsh Sandvarn
    Seabright Silverlin Skarholt Slatefield Sommerwind Starling-Oak Stonebrae Summerisle Tamarind
    Thistlewood Thornevale Tidewell Timberlake-Fen Umberfield Valdemoor Vandersea Vintermark
    Wayfarer-Lund Westerly Whitlowe Wildersen Windham-Aster Wrenfield Yarrowby Zellwick
    """
)

TITLES = (
    "Operations Manager",
    "Head of Data",
    "Office Manager",
    "IT Administrator",
    "Product Manager",
    "Managing Director",
    "Analyst",
    "Project Lead",
)

INDUSTRIES = (
    "Manufacturing",
    "Retail",
    "Healthcare",
    "Finance",
    "Software",
    "Logistics",
    "Education",
    "Hospitality",
    "Energy",
)

STREETS = (
    "Mill Street",
    "Station Road",
    "Harbor Lane",
    "Market Square",
    "Park Avenue",
    "Canal Street",
    "Hill Road",
)

FREE_MAIL_DOMAINS = ("gmail.com", "outlook.com", "yahoo.com")

NICKNAMES = (
    ("Robert", "Bob"),
    ("William", "Bill"),
    ("Elizabeth", "Liz"),
    ("Katherine", "Kate"),
    ("Michael", "Mike"),
    ("Thomas", "Tom"),
    ("James", "Jim"),
    ("Margaret", "Peggy"),
    ("Richard", "Dick"),
    ("Susan", "Sue"),
    ("Daniel", "Dan"),
    ("Patricia", "Pat"),
    ("Edward", "Ted"),
    ("Christina", "Tina"),
    ("Alexander", "Alex"),
    ("Andrew", "Drew"),
    ("Joseph", "Joe"),
    ("Rebecca", "Becky"),
    ("Samuel", "Sam"),
    ("Victoria", "Vicky"),
    ("Anthony", "Tony"),
    ("Deborah", "Debbie"),
    ("Benjamin", "Ben"),
    ("Jennifer", "Jenny"),
)
GIVEN_NAMES = (*(name for name, _ in NICKNAMES), *FIRST_NAMES)
"""Given names of private persons; those with a nickname come first."""
SURNAMES = (*LAST_NAMES, "Weber", "Novak", "Martin", "Brown", "Rossi", "Moreau", "Jansen", "Clarke")
COMMON_NAMES = (("Maria", "Keller"), ("John", "Miller"), ("Anna", "Smith"), ("David", "Jones"))
"""Names that belong to several unrelated persons."""
