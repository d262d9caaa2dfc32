// The public test client of the protocol drives `lstm-tui dap`, as editors' own adapters are tested:
//
//     npm install @vscode/debugadapter-testsupport
//     node tests/dap/public_client.js .venv/bin/python
const assert = require("node:assert");
const { spawn } = require("node:child_process");
const { DebugClient } = require("@vscode/debugadapter-testsupport");

// Have an adapter wait for an editor, and resolve to its port.
function waiting() {
  const adapter = spawn(process.argv[2] || "python", ["-m", "lstm_tui", "dap", "--port", "0"]);
  return new Promise((resolve, reject) => {
    let told = "";
    adapter.stderr.on("data", (more) => {
      told += more;
      const port = /:(\d+);/.exec(told);
      if (port) resolve(Number(port[1]));
    });
    adapter.on("exit", () => reject(new Error("the adapter has ended")));
  });
}

async function main() {
  const client = new DebugClient("", "", "lstm-tui");
  client.defaultTimeout = 60000;
  await client.start(await waiting());
  try {
    const known = await client.initializeRequest();
    assert(known.body.supportsStepBack && known.body.supportsDataBreakpoints);
    const launched = client.launch({ program: "sample.txt" });
    const stopped = client.waitForEvent("stopped");
    await client.configurationSequence();
    await launched;
    assert.equal((await stopped).body.reason, "entry");

    const stack = await client.stackTraceRequest({ threadId: 1 });
    const page = stack.body.stackFrames[0].source.path;
    const memory = stack.body.stackFrames[0].line + 3;
    await client.setBreakpointsRequest({ source: { path: page }, breakpoints: [{ line: memory }] });
    const where = client.assertStoppedLocation("breakpoint", { path: page, line: memory });
    await client.continueRequest({ threadId: 1 });
    await where;

    const before = await client.evaluateRequest({ expression: "c[3]" });
    for (const [step, back] of [["nextRequest", "stepBackRequest"], ["continueRequest", "reverseContinueRequest"]]) {
      for (const move of [step, back]) {
        const moved = client.waitForEvent("stopped");
        await client[move]({ threadId: 1 });
        await moved;
      }
      const after = await client.evaluateRequest({ expression: "c[3]" });
      assert.equal(after.body.result.split(" ")[0], before.body.result.split(" ")[0], `${step} and back`);
    }
    console.log("the public client has stepped forward and back");
  } finally {
    await client.disconnectRequest();
    await client.stop();
  }
}

main().catch((error) => { console.error(error); process.exit(1); });
