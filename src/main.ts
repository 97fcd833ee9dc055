// The one executable: `berth daemon …` is the engine, everything else the client, which never loads the engine's code.
const args = process.argv.slice(2);

if (args[0] === "daemon") {
  const { main } = await import("./daemon/main.ts");
  process.exitCode = await main(args.slice(1));
} else {
  const { main } = await import("./cli/main.ts");
  process.exitCode = await main(args);
}
