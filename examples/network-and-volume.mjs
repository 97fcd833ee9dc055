// Two containers in a network of their own that reach each other by name, and a volume that outlives the first.
import { randomUUID } from "node:crypto";
import { Engine } from "berth";

const image = process.env.IMAGE ?? "busybox";
const engine = await Engine.connect();
const name = `example-${randomUUID().slice(0, 8)}`;

const containers = [];
await engine.networks.create({ Name: name });
await engine.volumes.create({ Name: name });
try {
  const writer = await engine.run(image, {
    command: ["sh", "-c", "echo 'kept in a volume' >/data/note.txt"],
    volumes: [`${name}:/data`],
  });
  containers.push(writer);
  console.log(`the writer ended with code ${await writer.wait()}`);

  const server = await engine.run(image, {
    command: ["httpd", "-f", "-h", "/data", "-p", "80"],
    volumes: [`${name}:/data:ro`],
    network: name,
    aliases: ["notes"],
  });
  containers.push(server);

  const reader = await engine.run(image, {
    command: ["sh", "-c", "until wget -q -O - http://notes/note.txt; do sleep 0.1; done"],
    network: name,
  });
  containers.push(reader);
  await reader.wait();
  console.log(`the reader got: ${(await (await reader.logs({ stderr: false })).text()).trim()}`);
} finally {
  await Promise.all(containers.map((container) => container.remove()));
  await engine.networks.remove(name);
  await engine.volumes.remove(name);
}
