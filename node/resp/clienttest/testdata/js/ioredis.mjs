// ioredis, one connection.
import Redis from 'ioredis';
import { assert, ask, collect, finish, nodes, sorted, step, until, within } from './harness.mjs';

const client = new Redis({ host: nodes[0].host, port: nodes[0].port, connectionName: 'ioredis', lazyConnect: true, maxRetriesPerRequest: null });
client.on('error', () => {}); // It reconnects by itself.

await step('connect', async () => {
  await client.connect();
  assert.equal(await client.ping(), 'PONG');
  assert.equal(await client.echo('hello'), 'hello');
  assert.equal(await client.client('GETNAME'), 'ioredis');
  assert.equal(await client.call('COMMAND', 'COUNT') > 100, true);
  await client.flushall();
});

await step('strings', async () => {
  assert.equal(await client.set('s', 'one', 'EX', 100), 'OK');
  assert.equal(await client.set('s', 'two', 'NX'), null);
  assert.equal(await client.set('s', 'two', 'KEEPTTL', 'XX', 'GET'), 'one');
  assert.ok((await client.ttl('s')) > 90);
  assert.equal(await client.get('none'), null);
  assert.equal(await client.append('s', '!'), 4);
  assert.equal(await client.getrange('s', 0, 2), 'two');
  assert.equal(await client.setrange('s', 0, 'T'), 4);
  assert.equal(await client.strlen('s'), 4);
  assert.equal(await client.setnx('s', 'x'), 0);
  assert.equal(await client.setex('sx', 100, 'v'), 'OK');
  assert.equal(await client.psetex('sx', 100_000, 'w'), 'OK');
  assert.equal(await client.getset('sx', 'z'), 'w');
  assert.equal(await client.incr('n'), 1);
  assert.equal(await client.incrby('n', 41), 42);
  assert.equal(await client.decr('n'), 41);
  assert.equal(await client.decrby('n', 1), 40);
  assert.equal(await client.incrbyfloat('n', 0.5), '40.5');
  assert.equal(await client.mset({ a: 1, b: 2 }), 'OK');
  assert.deepEqual(await client.mget('a', 'none', 'b'), ['1', null, '2']);
  assert.equal(await client.msetnx('a', 3, 'c', 4), 0);
  assert.equal(await client.getdel('a'), '1');
  assert.equal(await client.getex('b', 'PX', 60_000), '2');
  assert.equal(await client.setbit('bits', 7, 1), 0);
  assert.equal(await client.getbit('bits', 7), 1);
  assert.equal(await client.bitcount('bits'), 1);
  const raw = Buffer.from([0, 255, 13, 10, 128]);
  await client.set('raw', raw);
  assert.deepEqual(await client.getBuffer('raw'), raw);
  await assert.rejects(client.incr('s'), /not an integer/);
  await assert.rejects(client.eval('return 1', 0), /unknown command/);
});

await step('keys', async () => {
  await client.mset('k1', 1, 'k2', 2);
  assert.equal(await client.exists('k1', 'k2', 'none'), 2);
  assert.equal(await client.type('k1'), 'string');
  assert.equal(await client.expire('k1', 100), 1);
  assert.equal(await client.expire('k1', 50, 'GT'), 0);
  assert.ok((await client.pttl('k1')) > 90_000);
  assert.equal(await client.persist('k1'), 1);
  assert.equal(await client.expireat('k1', Math.floor(Date.now() / 1000) + 60), 1);
  assert.ok((await client.expiretime('k1')) > Date.now() / 1000);
  assert.equal(await client.rename('k1', 'k3'), 'OK');
  assert.equal(await client.renamenx('k3', 'k2'), 0);
  assert.equal(await client.copy('k2', 'k4'), 1);
  assert.equal(await client.touch('k2', 'k3'), 2);
  assert.deepEqual(sorted(await client.keys('k?')), ['k2', 'k3', 'k4']);
  assert.equal(await client.object('ENCODING', 'k2'), 'int');
  assert.equal(await client.unlink('k2', 'k3'), 2);
  assert.equal(await client.del('k4'), 1);
  assert.ok(await client.randomkey());
  assert.ok((await client.dbsize()) > 0);
});

await step('hashes', async () => {
  assert.equal(await client.hset('h', { f: 1, g: 'x', i: 'y' }), 3);
  assert.deepEqual(await client.hgetall('h'), { f: '1', g: 'x', i: 'y' });
  assert.deepEqual(await client.hmget('h', 'f', 'none'), ['1', null]);
  assert.equal(await client.hmset('h', { j: 1 }), 'OK');
  assert.equal(await client.hincrby('h', 'f', 4), 5);
  assert.equal(await client.hincrbyfloat('h', 'f', 0.5), '5.5');
  assert.equal(await client.hsetnx('h', 'f', 1), 0);
  assert.equal(await client.hexists('h', 'g'), 1);
  assert.equal(await client.hdel('h', 'i', 'j'), 2);
  assert.deepEqual(sorted(await client.hkeys('h')), ['f', 'g']);
  assert.deepEqual(sorted(await client.hvals('h')), ['5.5', 'x']);
  assert.equal(await client.hlen('h'), 2);
  assert.deepEqual(sorted((await client.hrandfield('h', 2, 'WITHVALUES')).flat()), ['5.5', 'f', 'g', 'x']);
});

await step('field expiry', async () => {
  await client.hset('hx', { f: 1, g: 2 });
  assert.deepEqual(await client.hexpire('hx', 100, 'FIELDS', 2, 'f', 'none'), [1, -2]);
  assert.deepEqual(await client.httl('hx', 'FIELDS', 1, 'g'), [-1]);
  assert.deepEqual(await client.hpersist('hx', 'FIELDS', 1, 'f'), [1]);
}, 'hexpire');

await step('sets', async () => {
  assert.equal(await client.sadd('set', 'a', 'b', 'c'), 3);
  assert.equal(await client.srem('set', 'c'), 1);
  assert.equal(await client.sismember('set', 'a'), 1);
  assert.deepEqual(await client.smismember('set', 'a', 'c'), [1, 0]);
  assert.equal(await client.scard('set'), 2);
  await client.sadd('other', 'b', 'z');
  assert.deepEqual(sorted(await client.sunion('set', 'other')), ['a', 'b', 'z']);
  assert.deepEqual(await client.sinter('set', 'other'), ['b']);
  assert.equal(await client.sintercard(2, 'set', 'other'), 1);
  assert.equal(await client.sdiffstore('diff', 'set', 'other'), 1);
  assert.equal(await client.smove('set', 'diff', 'b'), 1);
  assert.deepEqual(sorted(await client.smembers('diff')), ['a', 'b']);
  assert.equal(await client.srandmember('set'), 'a');
  assert.equal(await client.spop('set'), 'a');
});

await step('sorted sets', async () => {
  assert.equal(await client.zadd('z', 1, 'a', 2.5, 'b', 3, 'c'), 3);
  assert.deepEqual((await client.zrange('z', 0, -1, 'WITHSCORES')).flat().map(String), ['a', '1', 'b', '2.5', 'c', '3']);
  assert.deepEqual(await client.zrangebyscore('z', '(1', '+inf', 'LIMIT', 0, 1), ['b']);
  assert.deepEqual(await client.zrevrange('z', 0, 0), ['c']);
  assert.equal(Number(await client.zscore('z', 'b')), 2.5);
  assert.equal(Number(await client.zincrby('z', 1, 'b')), 3.5);
  assert.equal(await client.zrank('z', 'b'), 2);
  assert.equal(await client.zrevrank('z', 'b'), 0);
  assert.equal(await client.zcount('z', 1, 3), 2);
  assert.equal(await client.zlexcount('z', '-', '+'), 3);
  await client.zadd('y', 10, 'a');
  assert.equal(await client.zunionstore('u', 2, 'z', 'y', 'WEIGHTS', 1, 2), 3);
  assert.equal(Number(await client.zscore('u', 'a')), 21);
  assert.deepEqual((await client.zpopmax('z')).flat().map(String), ['b', '3.5']);
  assert.equal(await client.zremrangebyrank('z', 0, 0), 1);
  assert.equal(await client.zcard('z'), 1);
});

await step('lists', async () => {
  assert.equal(await client.rpush('l', 'b', 'c'), 2);
  assert.equal(await client.lpush('l', 'a'), 3);
  assert.deepEqual(await client.lrange('l', 0, -1), ['a', 'b', 'c']);
  assert.equal(await client.lindex('l', -1), 'c');
  assert.equal(await client.linsert('l', 'BEFORE', 'b', 'x'), 4);
  assert.equal(await client.lset('l', 0, 'A'), 'OK');
  assert.equal(await client.lrem('l', 0, 'x'), 1);
  assert.equal(await client.ltrim('l', 0, 1), 'OK');
  assert.equal(await client.lpop('l'), 'A');
  assert.equal(await client.rpop('l'), 'b');
  assert.equal(await client.llen('l'), 0);
}, 'lpush');

await step('hyperloglog', async () => {
  assert.equal(await client.pfadd('pf', 'a', 'b', 'c'), 1);
  assert.equal(await client.pfcount('pf'), 3);
  await client.pfadd('pg', 'c', 'd');
  assert.equal(await client.pfmerge('ph', 'pf', 'pg'), 'OK');
  assert.equal(await client.pfcount('ph'), 4);
}, 'pfadd');

await step('transactions', async () => {
  assert.deepEqual(await client.multi().set('t', 1).incr('t').get('t').exec(), [[null, 'OK'], [null, 2], [null, '2']]);
  const one = client.duplicate();
  await one.watch('t');
  await client.set('t', 'changed');
  assert.equal(await one.multi().set('t', 'mine').exec(), null);
  one.disconnect();
  assert.equal(await client.get('t'), 'changed');
});

await step('pipelines', async () => {
  const pipeline = client.pipeline();
  for (let i = 0; i < 500; i++) pipeline.incr('sum');
  assert.deepEqual((await pipeline.exec()).map(([, n]) => n), Array.from({ length: 500 }, (_, i) => i + 1));
  const auto = client.duplicate({ enableAutoPipelining: true });
  assert.deepEqual(await Promise.all([auto.get('sum'), auto.get('none'), auto.incr('sum')]), ['500', null, 501]);
  auto.disconnect();
});

await step('scan', async () => {
  await client.mset(Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`scan:${i}`, 'x'])));
  await until(async () => { // SCAN may be a moment behind.
    assert.equal(new Set(await collect(client.scanStream({ match: 'scan:*', count: 50 }))).size, 300);
  });
  await client.sadd('big', Array.from({ length: 300 }, (_, i) => `m${i}`));
  assert.equal(new Set(await collect(client.sscanStream('big'))).size, 300);
});

await step('messages', async () => {
  const listener = new Redis(nodes[1]);
  const got = [];
  await listener.subscribe('news');
  await listener.psubscribe('n*');
  const all = new Promise((resolve) => {
    const take = (text) => got.push(text) === 2 && resolve();
    listener.on('message', (channel, message) => take(`${channel}=${message}`));
    listener.on('pmessage', (pattern, channel, message) => take(`${pattern} ${channel}=${message}`));
  });
  await until(async () => {
    await client.publish('news', 'hello');
    assert.ok(got.length > 0, 'nothing has come');
  });
  await within(all);
  assert.deepEqual(sorted(got.slice(0, 2)), ['n* news=hello', 'news=hello']);
  assert.equal(await listener.unsubscribe('news'), 1);
  listener.disconnect();
});

await step('monitor', async () => {
  const monitor = await client.monitor();
  const seen = new Promise((resolve) => monitor.on('monitor', (_, args) => args[1] === 'watched' && resolve(args)));
  await client.get('watched');
  assert.deepEqual(await within(seen), ['get', 'watched']);
  monitor.disconnect();
});

await step('reconnect', async () => {
  await client.set('kept', 'through a restart');
  await ask('stop 0');
  const waiting = client.get('kept'); // It is sent when there is a connection again.
  await ask('start 0');
  assert.equal(await within(waiting, 20_000), 'through a restart');
  assert.equal(await client.set('kept', 'again'), 'OK');
});

await client.quit();
finish();
