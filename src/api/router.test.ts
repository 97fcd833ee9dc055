import { expect, test } from "bun:test";
import { type Backends, routesOf } from "./index.ts";

const router = routesOf({
  containers: {},
  images: {},
  volumes: {},
  networks: {},
  events: {},
  system: {},
} as unknown as Backends);

test("names of images may have slashes, and words of the API inside", () => {
  const cases: [string, string, string, Record<string, string>][] = [
    ["GET", "/images/json", "/images/json", {}],
    ["GET", "/images/json/json", "/images/:name{.+}/json", { name: "json" }],
    ["GET", "/images/reg:5000/a/get/json", "/images/:name{.+}/json", { name: "reg:5000/a/get" }],
    ["GET", "/images/a/b@sha256:00/history", "/images/:name{.+}/history", { name: "a/b@sha256:00" }],
    ["GET", "/images/library/get/get", "/images/:name{.+}/get", { name: "library/get" }],
    ["DELETE", "/images/a/b/c:tag", "/images/:name{.+}", { name: "a/b/c:tag" }],
    ["POST", "/images/a/b/tag", "/images/:name{.+}/tag", { name: "a/b" }],
    ["GET", "/containers/json/json", "/containers/:id{.+}/json", { id: "json" }],
    ["DELETE", "/containers/web/db", "/containers/:id{.+}", { id: "web/db" }],
    ["GET", "/containers/web/db/json", "/containers/:id{.+}/json", { id: "web/db" }],
    ["POST", "/containers/prune/start", "/containers/:id{.+}/start", { id: "prune" }],
    ["GET", "/distribution/a/b/json", "/distribution/:name{.+}/json", { name: "a/b" }],
  ];
  for (const [method, path, route, params] of cases) {
    const match = router.match(method, path);
    expect([path, match?.route.path, { ...match?.params }]).toEqual([path, route, params]);
  }
  for (const path of ["/containers//json", "/images/json/", "/containers/x/"]) {
    expect([path, router.match("GET", path)]).toEqual([path, undefined]);
  }
});
