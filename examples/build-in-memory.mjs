// Builds an image from files that are nowhere but in memory, shows its steps, and runs it.
import { Engine } from "berth";

const image = process.env.IMAGE ?? "busybox";
const engine = await Engine.connect();

const { imageId } = await engine.builds.run({
  context: {
    Dockerfile: `
      FROM ${image}
      ARG GREETING=Hello
      COPY site /site
      RUN echo "$GREETING, $(cat /site/name.txt)" >/greeting
      CMD ["cat", "/greeting"]
    `,
    "site/name.txt": "world",
  },
  args: { GREETING: "Good morning" },
  tags: ["example-greeting"],
  onProgress({ vertexes }) {
    for (const { name, completed, cached } of vertexes) {
      if (completed !== undefined) console.log(`${cached ? "cached" : "done  "} ${name}`);
    }
  },
});
console.log(`built ${imageId.slice(0, 19)}`);

const container = await engine.run("example-greeting", { pull: "never" });
try {
  await container.wait();
  console.log((await (await container.logs()).text()).trim());
} finally {
  await container.remove();
  await engine.images.remove("example-greeting");
}
