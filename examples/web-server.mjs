// Runs a web server in a container and fetches a page from it.
import { Engine } from "berth";

const image = process.env.IMAGE ?? "busybox";
const engine = await Engine.connect();

const web = await engine.run(image, {
  command: [
    "sh",
    "-c",
    "mkdir /www; echo 'Hello from a container' >/www/index.html; httpd -f -v -h /www -p 80",
  ],
  ports: [80],
});
try {
  const { host, port } = await web.port(80);
  console.log(`${web.name} listens at http://${host}:${port}/`);
  const page = await fetchWhenReady(`http://${host}:${port}/`);
  console.log(page.trim());
} finally {
  await web.remove();
}

/** The container runs a moment before its server listens. */
async function fetchWhenReady(url) {
  for (let attempt = 1; ; attempt++) {
    try {
      return await (await fetch(url)).text();
    } catch (error) {
      if (attempt === 50) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}
