"""Write the SBML beside each Antimony text in the folders given: ``python scripts/build_models.py FOLDER
...``

Needs the package ``antimony`` (any 3.x), which jakinib itself does not need. The first line of each SBML file
carries the SHA-256 of the text it was made from, and a test holds the two together.
"""

import hashlib
import re
import sys
from pathlib import Path

import antimony

for folder in sys.argv[1:]:
    for text in sorted(Path(folder).glob("*.ant")):
        antimony.clearPreviousLoads()
        source = text.read_text(encoding="utf-8")
        if antimony.loadAntimonyString(source) < 0:
            raise SystemExit(f"{text}: {antimony.getLastError()}")
        sbml = antimony.getSBMLString(text.stem)
        sbml = re.sub(r"<!-- Created by .*? -->\n", "", sbml)
        mark = f"<!-- made from {text.name}, sha256 {hashlib.sha256(source.encode()).hexdigest()} -->\n"
        head, body = sbml.split("\n", 1)
        text.with_suffix(".xml").write_text(f"{head}\n{mark}{body}", encoding="utf-8")
        print(text.with_suffix(".xml"))
