// What the programs of this directory share: steps with a name and an end, and
// asking the test that started them to stop and start nodes.
import assert from 'node:assert/strict';
import readline from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';

export { assert };

// nodes are where the nodes serve: [{ host, port, url }].
export const nodes = process.env.ATOLL_NODES.split(',').map((address) => {
  const [host, port] = address.split(':');
  return { host, port: Number(port), url: `redis://${address}` };
});

const families = new Set(process.env.ATOLL_FAMILIES.split(','));
const stepLimit = 60_000;

// step runs one part of the program, for a bounded time. A part that needs a family of
// commands is left out where the nodes do not have it.
export async function step(name, run, family) {
  if (family && !families.has(family)) return;
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not done after ${stepLimit} ms`)), stepLimit);
  });
  try {
    await Promise.race([run(), late]);
  } catch (err) {
    console.log(`failed ${name}: ${err.stack ?? err}`);
    process.exit(1);
  } finally {
    clearTimeout(timer);
  }
  console.log(`step ${name}`);
}

const replies = readline.createInterface({ input: process.stdin })[Symbol.asyncIterator]();

// ask has the test do something: 'stop 0' or 'start 0'. It returns when that is done.
export async function ask(what) {
  console.log(`ask ${what}`);
  const { value } = await replies.next();
  assert.equal(value, 'done');
}

// until repeats what may fail as yet until it does not.
export async function until(run) {
  for (const since = Date.now(); ; await pause(20)) {
    try {
      return await run();
    } catch (err) {
      if (Date.now() - since > stepLimit / 3) throw err;
    }
  }
}

// finish ends the program well.
export function finish() {
  console.log('finished');
  process.exit(0);
}

// sorted is for replies whose order says nothing.
export const sorted = (list) => [...list].sort();

// collect returns what an iterator yields; items may come one by one or as pages.
export async function collect(iterator) {
  const out = [];
  for await (const item of iterator) out.push(...[item].flat());
  return out;
}

// within waits for a promise for a bounded time.
export const within = (promise, ms = 10_000) =>
  Promise.race([promise, pause(ms, undefined, { ref: false }).then(() => Promise.reject(new Error(`nothing came in ${ms} ms`)))]);
