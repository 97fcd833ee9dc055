// The one executable: `berth daemon …` is the engine, everything else the client, which never loads the engine's code.
const args = process.argv.slice(2);

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
