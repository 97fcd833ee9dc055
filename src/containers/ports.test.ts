import { test } from "bun:test";
import type { Images as ImagesRoom } from "../images/index.ts";
import type { Networks } from "../networks/index.ts";
import type { Volumes } from "../volumes/index.ts";
import type { Endpoints, Images, Snapshots, VolumeMounts } from "./ports.ts";

// The compiler is the test: the peers' doors satisfy what this room asks of them.
test("peers satisfy the ports", () => {
  const fits = <Port>(_peer: (() => Port) | undefined) => {};
  fits<VolumeMounts>(undefined as (() => Volumes) | undefined);
  fits<Endpoints>(undefined as (() => Networks) | undefined);
  fits<Images>(undefined as (() => ImagesRoom) | undefined);
  fits<Snapshots>(undefined as (() => ImagesRoom["snapshots"]) | undefined);
});
