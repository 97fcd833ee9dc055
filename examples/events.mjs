// Is told what happens to the containers with a label, until the last of them is gone.
import { randomUUID } from "node:crypto";
import { Engine } from "berth";

const image = process.env.IMAGE ?? "busybox";
const engine = await Engine.connect();
const label = `example=${randomUUID()}`;

const leave = new AbortController();
const heard = (async () => {
  const filters = { type: ["container"], label: [label] };
  // From now on: nothing that happens before the engine has heard of us is missed.
  for await (const { Action, Actor } of engine.events({ since: new Date(), filters, signal: leave.signal })) {
    console.log(`${Actor.Attributes?.name}: ${Action}`);
    if (Action === "destroy") return;
  }
})();

try {
  const [key, value] = label.split("=");
  const container = await engine.run(image, { command: ["true"], labels: { [key]: value } });
  await container.wait();
  await container.remove();
  await heard;
} finally {
  leave.abort();
}
