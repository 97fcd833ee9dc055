import { expect, test } from "bun:test";
import { notFound } from "../../lib/index.ts";
import { ask, serveFakes, type TestServer } from "../testing.ts";

const ARM = encodeURIComponent(JSON.stringify({ os: "linux", architecture: "arm64" }));
const AMD = encodeURIComponent(JSON.stringify({ os: "linux", architecture: "amd64" }));

/** An engine with one image, of linux/amd64. */
async function serveImage(): Promise<{ server: TestServer; removed: string[] }> {
  const removed: string[] = [];
  const server = await serveFakes({
    images: {
      inspect: async (name, { platform }) => {
        if (platform !== undefined && platform !== "linux/amd64") throw notFound(`no ${platform} of ${name}`);
        return { Id: "sha256:1" } as never;
      },
      remove: async (name) => {
        removed.push(name);
        return [{ Deleted: name }];
      },
    },
    builds: { attestations: () => [] },
  });
  return { server, removed };
}

test("an image is only removed where it is of the platforms that are to go", async () => {
  const { server, removed } = await serveImage();
  await using _ = server;
  const refused = await ask(server, "DELETE", `/images/a/b:1?platforms=${AMD}&platforms=${ARM}`);
  expect([refused.status, refused.json]).toEqual([404, { message: "no linux/arm64 of a/b:1" }]);
  expect(removed).toEqual([]);
  expect((await ask(server, "DELETE", "/images/a/b:1?platforms=%7B")).status).toBe(400);
  expect((await ask(server, "DELETE", `/images/a/b:1?platforms=${AMD}`)).status).toBe(200);
  expect(removed).toEqual(["a/b:1"]);
  // Until v1.50 nobody knew the word.
  expect((await ask(server, "DELETE", `/v1.49/images/a/b:1?platforms=${ARM}`)).status).toBe(200);
});

test("attestations are those of the one platform", async () => {
  const { server } = await serveImage();
  await using _ = server;
  const get = (query: string) => ask(server, "GET", `/images/a/attestations?${query}`);
  expect((await get(`platform=${ARM}`)).status).toBe(404);
  expect((await get(`platform=${AMD}&platform=${AMD}`)).status).toBe(400);
  const answer = await get(`platform=${AMD}`);
  expect([answer.status, answer.json]).toEqual([200, []]);
});

test("there are no networks of a swarm's scope", async () => {
  await using server = await serveFakes({ networks: { inspect: (ref) => ({ Name: ref }) as never } });
  const answer = await ask(server, "GET", "/networks/x?scope=swarm");
  expect([answer.status, answer.json]).toEqual([404, { message: "network x not found" }]);
  expect((await ask(server, "GET", "/networks/x?scope=local&verbose=1")).json).toEqual({ Name: "x" });
});
