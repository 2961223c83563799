// Pull a subscription: CASEWORK_TOKEN=… node pull.mjs http://127.0.0.1:8080 SUBSCRIPTION events.jsonl
import { appendFileSync, existsSync, readFileSync, truncateSync } from "node:fs";

const [base, subscription, path] = process.argv.slice(2);
const headers = { Authorization: `Bearer ${process.env.CASEWORK_TOKEN}` };
let cursor = "";
if (existsSync(path)) { // each line is a batch and the cursor after it: both are kept, or neither
  const kept = readFileSync(path), end = kept.lastIndexOf("\n") + 1;
  truncateSync(path, end);
  if (end) cursor = `&after=${JSON.parse(kept.subarray(0, end - 1).toString().split("\n").at(-1)).next}`;
}
for (;;) {
  const answer = await fetch(`${base}/v1/subscriptions/${subscription}/events?wait=20${cursor}`, { headers });
  if (!answer.ok) throw new Error(await answer.text());
  const batch = await answer.json();
  appendFileSync(path, JSON.stringify(batch) + "\n");
  cursor = `&after=${batch.next}`;
  if (process.argv.includes("--once") && batch.caught_up) break;
}
