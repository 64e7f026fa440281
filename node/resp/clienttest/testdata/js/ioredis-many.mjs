// ioredis with several nodes: as a cluster, or with sentinels, by its argument.
import Redis, { Cluster } from 'ioredis';
import { assert, ask, finish, nodes, step, until } from './harness.mjs';

const kind = process.argv[2];
const open = () => kind === 'cluster'
  ? new Cluster(nodes.map(({ host, port }) => ({ host, port })), { clusterRetryStrategy: () => 50, slotsRefreshInterval: 500 })
  : new Redis({ name: 'any', sentinels: nodes.map(({ host, port }) => ({ host, port })), sentinelRetryStrategy: () => 50, retryStrategy: () => 50 });
const client = open();
client.on('error', () => {}); // It goes on by itself.

const keys = Array.from({ length: 50 }, (_, i) => `key:${i}`);

await step('connect', async () => {
  assert.equal(await client.ping(), 'PONG');
});

await step('commands', async () => {
  for (const [i, key] of keys.entries()) assert.equal(await client.set(key, i), 'OK');
  for (const [i, key] of keys.entries()) assert.equal(await client.get(key), String(i));
  assert.equal(await client.hset('h', { f: 1 }), 1);
  assert.deepEqual(await client.mget('{t}a', '{t}b'), [null, null]);
});

await step('transactions', async () => {
  assert.deepEqual(await client.multi().set('{t}x', 1).incr('{t}x').exec(), [[null, 'OK'], [null, 2]]);
});

await step('messages', async () => {
  const listener = open();
  const got = [];
  await listener.subscribe('news');
  listener.on('message', (_, message) => got.push(message));
  await until(async () => {
    await client.publish('news', 'hello');
    assert.equal(got[0], 'hello');
  });
  listener.disconnect();
});

await step('reconnect', async () => {
  await ask('stop 0');
  for (const [i, key] of keys.entries()) await until(async () => assert.equal(await client.get(key), String(i)));
  await until(async () => assert.equal(await client.set('k', 'again'), 'OK'));
});

finish();
