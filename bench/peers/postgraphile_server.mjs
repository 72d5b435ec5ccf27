// node postgraphile_server.mjs PACKAGES PORT URL: the tables of the schema raw by PostGraphile, with its defaults. It
// takes queries as bodies alone: one from the address is handed over as a body that has been read.
import { createRequire } from "node:module";
import http from "node:http";

const [packages, port, url] = process.argv.slice(2);
const { postgraphile } = createRequire(`${packages}/`)("postgraphile");
const handle = postgraphile(url, "raw", { graphiql: false, disableQueryLog: true });

http
  .createServer((request, response) => {
    const asked = new URL(request.url, "http://localhost").searchParams;
    request.method = "POST";
    request.url = "/graphql";
    request.originalUrl = "/graphql";
    request.body = { query: asked.get("query") };
    handle(request, response);
  })
  .listen(Number(port), "127.0.0.1");
