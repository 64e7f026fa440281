// node-redis with several nodes: as a cluster, or with sentinels, by its argument.
import { createCluster, createSentinel } from 'redis';
import { assert, ask, finish, nodes, step, until } from './harness.mjs';

const kind = process.argv[2];
const client = kind === 'cluster'
  ? createCluster({ rootNodes: nodes.map(({ url }) => ({ url })) })
  : createSentinel({ name: 'any', sentinelRootNodes: nodes.map(({ host, port }) => ({ host, port })) });
client.on('error', () => {}); // It goes on by itself.

const keys = Array.from({ length: 50 }, (_, i) => `key:${i}`);

await step('connect', async () => {
  await client.connect();
});

await step('commands', async () => {
  for (const [i, key] of keys.entries()) assert.equal(await client.set(key, String(i)), 'OK');
  for (const [i, key] of keys.entries()) assert.equal(await client.get(key), String(i));
  assert.equal(await client.hSet('h', { f: '1' }), 1);
  assert.deepEqual(await client.zRangeWithScores('none', 0, -1), []);
  assert.deepEqual(await client.mGet(['{t}a', '{t}b']), [null, null]);
});

await step('transactions', async () => {
  assert.deepEqual(await client.multi().set('{t}x', '1').incr('{t}x').exec(), ['OK', 2]);
});

await step('messages', async () => {
  const got = [];
  await client.subscribe('news', (message) => got.push(message));
  await until(async () => {
    await client.publish('news', 'hello');
    assert.equal(got[0], 'hello');
  });
  await client.unsubscribe('news');
});

await step('reconnect', async () => {
  await ask('stop 0');
  for (const [i, key] of keys.entries()) await until(async () => assert.equal(await client.get(key), String(i)));
  await until(async () => assert.equal(await client.set('k', 'again'), 'OK'));
});

finish();
