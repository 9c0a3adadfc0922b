import json
import sys

given = json.load(sys.stdin)
json.dump({"sum": sum(given["inputs"]["numbers"]), "of": given["node"]}, sys.stdout)
