// node-redis, one connection and a pool of them.
import { WatchError, createClient, createClientPool } from 'redis';
import { assert, ask, collect, finish, nodes, sorted, step, until, within } from './harness.mjs';

const client = createClient({ url: nodes[0].url, name: 'node-redis' });
client.on('error', () => {}); // It reconnects by itself.

await step('connect', async () => {
  await client.connect();
  assert.equal(await client.ping(), 'PONG');
  assert.equal(await client.echo('hello'), 'hello');
  assert.equal(await client.clientGetName(), 'node-redis');
  assert.match(await client.info('server'), /redis_version:\d/);
  await client.flushAll();
});

await step('strings', async () => {
  assert.equal(await client.set('s', 'one', { expiration: { type: 'EX', value: 100 } }), 'OK');
  assert.equal(await client.set('s', 'two', { condition: 'NX' }), null);
  assert.equal(await client.set('s', 'two', { condition: 'XX', GET: true, expiration: 'KEEPTTL' }), 'one');
  assert.ok((await client.ttl('s')) > 90);
  assert.equal(await client.get('none'), null);
  assert.equal(await client.append('s', '!'), 4);
  assert.equal(await client.getRange('s', 0, 2), 'two');
  assert.equal(await client.setRange('s', 0, 'T'), 4);
  assert.equal(await client.strLen('s'), 4);
  assert.equal(await client.incr('n'), 1);
  assert.equal(await client.incrBy('n', 41), 42);
  assert.equal(await client.decrBy('n', 2), 40);
  assert.equal(await client.incrByFloat('n', 0.5), '40.5');
  assert.equal(await client.mSet({ a: '1', b: '2' }), 'OK');
  assert.deepEqual(await client.mGet(['a', 'none', 'b']), ['1', null, '2']);
  assert.equal(await client.mSetNX({ a: '3', c: '4' }), 0);
  assert.equal(await client.getDel('a'), '1');
  assert.equal(await client.getEx('b', { type: 'PX', value: 60_000 }), '2');
  assert.equal(await client.setBit('bits', 7, 1), 0);
  assert.equal(await client.bitCount('bits'), 1);
  await assert.rejects(client.sendCommand(['EVAL', 'return 1', '0']), /unknown command/);
});

await step('keys', async () => {
  await client.mSet({ k1: '1', k2: '2' });
  assert.equal(await client.exists(['k1', 'k2', 'none']), 2);
  assert.equal(await client.type('k1'), 'string');
  assert.equal(await client.expire('k1', 100), 1);
  assert.equal(await client.expire('k1', 50, 'GT'), 0);
  assert.ok((await client.pTTL('k1')) > 90_000);
  assert.equal(await client.persist('k1'), 1);
  assert.equal(await client.ttl('k1'), -1);
  assert.equal(await client.pExpireAt('k1', Date.now() + 60_000), 1);
  assert.ok((await client.pExpireTime('k1')) > Date.now());
  assert.equal(await client.rename('k1', 'k3'), 'OK');
  assert.equal(await client.renameNX('k3', 'k2'), 0);
  assert.equal(await client.copy('k2', 'k4'), 1);
  assert.equal(await client.touch(['k2', 'k3']), 2);
  assert.deepEqual(sorted(await client.keys('k?')), ['k2', 'k3', 'k4']);
  assert.equal(await client.unlink(['k2', 'k3']), 2);
  assert.equal(await client.del('k4'), 1);
  assert.equal(await client.objectEncoding('n'), 'embstr');
  assert.ok(await client.randomKey());
  assert.ok((await client.dbSize()) > 0);
});

await step('hashes', async () => {
  assert.equal(await client.hSet('h', { f: '1', g: 'x', i: 'y' }), 3);
  assert.deepEqual({ ...(await client.hGetAll('h')) }, { f: '1', g: 'x', i: 'y' });
  assert.deepEqual(await client.hmGet('h', ['f', 'none']), ['1', null]);
  assert.equal(await client.hIncrBy('h', 'f', 4), 5);
  assert.equal(await client.hIncrByFloat('h', 'f', 0.5), '5.5');
  assert.equal(await client.hSetNX('h', 'f', '1'), 0);
  assert.equal(await client.hExists('h', 'g'), 1);
  assert.equal(await client.hStrLen('h', 'g'), 1);
  assert.equal(await client.hDel('h', 'i'), 1);
  assert.deepEqual(sorted(await client.hKeys('h')), ['f', 'g']);
  assert.deepEqual(sorted(await client.hVals('h')), ['5.5', 'x']);
  assert.equal(await client.hLen('h'), 2);
  assert.ok(['f', 'g'].includes(await client.hRandField('h')));
});

await step('field expiry', async () => {
  await client.hSet('hx', { f: '1', g: '2' });
  assert.deepEqual(await client.hExpire('hx', ['f', 'none'], 100), [1, -2]);
  assert.deepEqual(await client.hTTL('hx', ['g']), [-1]);
  assert.deepEqual(await client.hPersist('hx', ['f']), [1]);
}, 'hexpire');

await step('sets', async () => {
  assert.equal(await client.sAdd('set', ['a', 'b', 'c']), 3);
  assert.equal(await client.sRem('set', 'c'), 1);
  assert.equal(await client.sIsMember('set', 'a'), 1);
  assert.deepEqual(await client.smIsMember('set', ['a', 'c']), [1, 0]);
  assert.equal(await client.sCard('set'), 2);
  await client.sAdd('other', ['b', 'z']);
  assert.deepEqual(sorted(await client.sUnion(['set', 'other'])), ['a', 'b', 'z']);
  assert.deepEqual(await client.sInter(['set', 'other']), ['b']);
  assert.equal(await client.sDiffStore('diff', ['set', 'other']), 1);
  assert.equal(await client.sMove('set', 'diff', 'b'), 1);
  assert.deepEqual(sorted(await client.sMembers('diff')), ['a', 'b']);
  assert.equal(await client.sPop('set'), 'a');
});

await step('sorted sets', async () => {
  const members = [{ value: 'a', score: 1 }, { value: 'b', score: 2.5 }, { value: 'c', score: 3 }];
  assert.equal(await client.zAdd('z', members), 3);
  assert.deepEqual(await client.zRangeWithScores('z', 0, -1), members);
  assert.deepEqual(await client.zRange('z', '(1', '+inf', { BY: 'SCORE', LIMIT: { offset: 0, count: 1 } }), ['b']);
  assert.equal(await client.zScore('z', 'b'), 2.5);
  assert.deepEqual(await client.zmScore('z', ['a', 'none']), [1, null]);
  assert.equal(await client.zIncrBy('z', 1, 'b'), 3.5);
  assert.equal(await client.zRank('z', 'b'), 2);
  assert.equal(await client.zCount('z', 1, 3), 2);
  assert.equal(await client.zCard('z'), 3);
  await client.zAdd('y', { value: 'a', score: 10 });
  assert.equal(await client.zUnionStore('u', ['z', 'y']), 3);
  assert.equal(await client.zScore('u', 'a'), 11);
  assert.deepEqual(await client.zPopMin('z'), { value: 'a', score: 1 });
  assert.equal(await client.zRemRangeByScore('z', 0, 3), 1);
});

await step('lists', async () => {
  assert.equal(await client.rPush('l', ['b', 'c']), 2);
  assert.equal(await client.lPush('l', 'a'), 3);
  assert.deepEqual(await client.lRange('l', 0, -1), ['a', 'b', 'c']);
  assert.equal(await client.lIndex('l', -1), 'c');
  assert.equal(await client.lInsert('l', 'BEFORE', 'b', 'x'), 4);
  assert.equal(await client.lSet('l', 0, 'A'), 'OK');
  assert.equal(await client.lRem('l', 0, 'x'), 1);
  assert.equal(await client.lTrim('l', 0, 1), 'OK');
  assert.equal(await client.lPop('l'), 'A');
  assert.equal(await client.rPop('l'), 'b');
  assert.equal(await client.lLen('l'), 0);
}, 'lpush');

await step('hyperloglog', async () => {
  assert.equal(await client.pfAdd('pf', ['a', 'b', 'c']), 1);
  assert.equal(await client.pfCount('pf'), 3);
  await client.pfAdd('pg', ['c', 'd']);
  assert.equal(await client.pfMerge('ph', ['pf', 'pg']), 'OK');
  assert.equal(await client.pfCount('ph'), 4);
}, 'pfadd');

await step('transactions', async () => {
  assert.deepEqual(await client.multi().set('t', '1').incr('t').get('t').exec(), ['OK', 2, '2']);
  const pool = createClientPool({ url: nodes[0].url });
  await pool.connect();
  await pool.execute(async (one) => {
    await one.watch('t');
    await client.set('t', 'changed');
    await assert.rejects(one.multi().set('t', 'mine').exec(), WatchError);
  });
  await pool.close();
  assert.equal(await client.get('t'), 'changed');
});

await step('pipelines', async () => {
  const sums = await Promise.all(Array.from({ length: 500 }, () => client.incr('sum')));
  assert.deepEqual(sums, Array.from({ length: 500 }, (_, i) => i + 1));
  assert.deepEqual(await client.multi().get('sum').get('none').execAsPipeline(), ['500', null]);
});

await step('scan', async () => {
  await client.mSet(Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`scan:${i}`, 'x'])));
  await until(async () => { // SCAN may be a moment behind.
    const keys = await collect(client.scanIterator({ MATCH: 'scan:*', COUNT: 50, TYPE: 'string' }));
    assert.equal(new Set(keys).size, 300);
  });
  await client.hSet('big', Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`f${i}`, 'x'])));
  assert.equal(new Set((await collect(client.hScanIterator('big'))).map((e) => e.field)).size, 300);
});

await step('messages', async () => {
  const listener = await client.duplicate({ url: nodes[1].url }).connect();
  const got = [];
  const all = new Promise((resolve) => {
    const take = (message, channel) => got.push(`${channel}=${message}`) === 2 && resolve();
    listener.subscribe('news', take).then(() => listener.pSubscribe('n*', take)).then(() => until(async () => {
      assert.ok((await client.publish('news', 'hello')) >= 0);
      assert.ok(got.length > 0, 'nothing has come');
    }));
  });
  await within(all);
  assert.deepEqual(got, ['news=hello', 'news=hello']);
  await listener.unsubscribe('news');
  await listener.pUnsubscribe('n*');
  await listener.close();
});

await step('tracking', async () => {
  const cached = createClient({ url: nodes[0].url, RESP: 3, clientSideCache: { maxEntries: 100 } });
  await cached.connect();
  await client.set('near', 'old');
  assert.equal(await cached.get('near'), 'old');
  await client.set('near', 'new');
  await until(async () => assert.equal(await cached.get('near'), 'new'));
  await cached.close();
});

await step('reconnect', async () => {
  await client.set('kept', 'through a restart');
  await ask('stop 0');
  const waiting = client.get('kept'); // It is sent when there is a connection again.
  await ask('start 0');
  assert.equal(await within(waiting, 20_000), 'through a restart');
  assert.equal(await client.set('kept', 'again'), 'OK');
});

await client.close();
finish();
