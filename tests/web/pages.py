"""One address of every kind of page."""

COMPARE = "/compare?treatment=upadacitinib-15-mg-qd&treatment=abrocitinib-200-mg-qd&outcome=vte"
PAGES = [
    "/",
    "/compare",
    COMPARE,
    "/compare?treatment=upadacitinib-15-mg-qd&treatment=placebo&population=atopic-dermatitis&per=1000",
    "/mechanism",
    "/drugs",
    "/drugs/upadacitinib",
    "/drugs/methotrexate",
    "/studies",
    "/studies?population=psoriasis",
    "/studies/oral-surveillance",
    "/outcomes",
    "/outcomes/vte",
    "/claims",
    "/claims?verdict=contradicted",
    "/sources",
    "/sources/PMID:37910098",
    "/data",
    "/data/effects",
    "/about",
    "/about/coverage",
    "/about/coverage/rows?drug=tofacitinib&outcome=mace&population=rheumatoid-arthritis&kind=randomised",
    "/overlaps",
    "/overlaps?about=tofacitinib",
    "/overlaps?about=jade-compare",
    "/row/effects/F0036",
    "/row/page/51",
]
WRONG = ["/nothing-here", "/drugs/upadacitnib", "/compare?per=7", "/claims?verdict=true"]
