// Follows what a container prints while it runs, then reads the whole log once more, each output apart.
import { Engine } from "berth";

const image = process.env.IMAGE ?? "busybox";
const engine = await Engine.connect();

const job = await engine.run(image, {
  command: ["sh", "-c", "for i in 1 2 3; do echo step $i; sleep 0.2; done; echo 'nothing left to do' >&2"],
});
try {
  const log = await job.logs({ follow: true });
  for await (const line of log.lines()) console.log(`| ${line}`);
  console.log(`ended with code ${await job.wait()}`);

  const { stdout, stderr } = await (await job.logs()).texts();
  console.log(`${stdout.split("\n").length - 1} lines of output, and of errors: ${stderr.trim()}`);
} finally {
  await job.remove();
}
