// Runs commands in a container: their exit codes, what they print, and what they read.
import { Engine } from "berth";

const image = process.env.IMAGE ?? "busybox";
const engine = await Engine.connect();

const box = await engine.run(image, { command: ["sleep", "600"], env: { COLOUR: "blue" } });
try {
  const greeting = await box.exec(["sh", "-c", "echo $COLOUR; echo no >&2; exit 3"]);
  console.log(greeting);

  const sorted = await box.exec(["sort"], { stdin: "pear\napple\nfig\n" });
  console.log(sorted.stdout.trim().split("\n").join(", "));

  // What a longer one prints is a stream while it runs.
  const counting = await box.spawn(["sh", "-c", "for i in 1 2 3; do echo $i; sleep 0.1; done"]);
  for await (const line of counting.output.lines()) console.log(`counted ${line}`);
  console.log(`ended with code ${await counting.exitCode()}`);
} finally {
  await box.remove();
}
