// The one executable: `berth daemon …` is the engine, everything else the client, which never loads the engine's code.
const args = process.argv.slice(2);

// What runs in a process's first moments runs once or twice: the executable is built to be slow to compile it. A process
// that goes on for longer has its code compiled as usual.
const SHORT_LIFE_MS = 200;
setTimeout(() => Bun.unsafe.setJITPolicy(1), SHORT_LIFE_MS).unref();

if (args[0] === "daemon") {
  const { keepHeapSmall } = await import("./daemon/heap.ts");
  keepHeapSmall();
  const { main } = await import("./daemon/main.ts");
  // A descriptor that the kernel's file watching keeps open would otherwise hold the process.
  process.exit(await main(args.slice(1)));
} else {
  const { main } = await import("./cli/main.ts");
  process.exit(await main(args));
}
