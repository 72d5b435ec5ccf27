// Runs the audits of the npm package graphql-http against an address; prints one JSON line per audit.
import { createRequire } from "node:module";

const [packages, url] = process.argv.slice(2);
const { serverAudits } = createRequire(`${packages}/`)("graphql-http");

for (const audit of serverAudits({ url, fetchFn: fetch })) {
  const { status, reason } = await audit.fn();
  console.log(JSON.stringify({ name: audit.name, status, reason: reason ?? null }));
}
