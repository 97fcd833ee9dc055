// Files into a container and out of it again.
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Engine } from "berth";

const image = process.env.IMAGE ?? "busybox";
const engine = await Engine.connect();

const folder = await mkdtemp(join(tmpdir(), "berth-example-"));
const box = await engine.create(image, { command: ["sh", "-c", "cd /work && sha256sum * >sums"] });
try {
  await writeFile(join(folder, "local.txt"), "from this machine\n");
  await box.copyIn(folder, "/work");
  await box.writeFiles("/work", { "memory.txt": "from memory\n" });

  await box.start();
  console.log(`ended with code ${await box.wait()}`);

  const sums = new TextDecoder().decode(await box.readFile("/work/sums"));
  console.log(`${sums.trim().split("\n").length} sums`);

  await box.copyOut("/work", join(folder, "result"));
  console.log((await readdir(join(folder, "result"))).sort().join(" "));
  console.log((await readFile(join(folder, "result", "memory.txt"), "utf8")).trim());
} finally {
  await box.remove();
  await rm(folder, { recursive: true });
}
