// cache-manager with its Redis store, Keyv's.
import KeyvRedis, { Keyv } from '@keyv/redis';
import { createCache } from 'cache-manager';
import { assert, ask, collect, finish, nodes, step, until } from './harness.mjs';

const keyv = new Keyv(new KeyvRedis(nodes[0].url), { namespace: 'app', useKeyPrefix: false });
keyv.on('error', () => {});
const cache = createCache({ stores: [keyv], ttl: 60_000 });

await step('set and get', async () => {
  await cache.set('user:1', { name: 'Ada', tags: ['a', 'b'] });
  assert.deepEqual(await cache.get('user:1'), { name: 'Ada', tags: ['a', 'b'] });
  assert.equal(await cache.get('none'), undefined);
  await cache.mset([{ key: 'a', value: 1 }, { key: 'b', value: 2, ttl: 30_000 }]);
  assert.deepEqual(await cache.mget(['a', 'none', 'b']), [1, undefined, 2]);
  const ends = await cache.ttl('b');
  assert.ok(ends > Date.now() && ends <= Date.now() + 30_000, `ttl ${ends}`);
});

await step('expiry', async () => {
  await cache.set('short', 'x', 300);
  assert.equal(await cache.get('short'), 'x');
  await until(async () => assert.equal(await cache.get('short'), undefined));
});

await step('wrap', async () => {
  let asked = 0;
  const slow = async () => `answer ${++asked}`;
  assert.equal(await cache.wrap('w', slow), 'answer 1');
  assert.equal(await cache.wrap('w', slow), 'answer 1');
  assert.equal(asked, 1);
});

await step('invalidate', async () => {
  await cache.del('user:1');
  assert.equal(await cache.get('user:1'), undefined);
  await cache.mdel(['a', 'b']);
  assert.deepEqual(await cache.mget(['a', 'b']), [undefined, undefined]);
  await until(async () => { // SCAN may be a moment behind.
    assert.deepEqual((await collect(keyv.iterator())).filter((s) => String(s).startsWith('answer')), ['answer 1']);
  });
  await cache.clear();
  assert.equal(await cache.get('w'), undefined);
});

await step('reconnect', async () => {
  await cache.set('kept', 'through a restart');
  await ask('stop 0');
  await ask('start 0');
  await until(async () => assert.equal(await cache.get('kept'), 'through a restart'));
});

await cache.disconnect();
finish();
