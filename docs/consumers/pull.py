"""Pull a subscription: CASEWORK_TOKEN=… python3 pull.py http://127.0.0.1:8080 SUBSCRIPTION events.jsonl"""

import json
import os
import sys
from urllib.request import Request, urlopen

base, subscription, path = sys.argv[1:4]
bearer = {"Authorization": f"Bearer {os.environ['CASEWORK_TOKEN']}"}
cursor = ""
with open(path, "a+b") as file:  # each line is a batch and the cursor after it: both are kept, or neither
    file.seek(0)
    whole = [line for line in file if line.endswith(b"\n")]
    file.truncate(sum(map(len, whole)))
    cursor = "&after=" + json.loads(whole[-1])["next"] if whole else ""
    while True:
        events = f"{base}/v1/subscriptions/{subscription}/events?wait=20{cursor}"
        with urlopen(Request(events, headers=bearer)) as answer:
            batch = json.load(answer)
        file.write(json.dumps(batch).encode() + b"\n")
        file.flush()
        cursor = "&after=" + batch["next"]
        if "--once" in sys.argv and batch["caught_up"]:
            break
