// express-session with connect-redis, as a web server that people log in to.
import { RedisStore } from 'connect-redis';
import express from 'express';
import session from 'express-session';
import { createClient } from 'redis';
import { assert, ask, finish, nodes, step, until } from './harness.mjs';

const client = createClient({ url: nodes[0].url });
client.on('error', () => {});
const store = new RedisStore({ client, prefix: 'app:', ttl: 100 });

const app = express();
app.use(session({ store, secret: 'quiet', resave: false, saveUninitialized: false, cookie: { maxAge: 60_000 } }));
app.get('/login/:name', (request, response) => {
  request.session.name = request.params.name;
  response.send('welcome');
});
app.get('/me', (request, response) => {
  request.session.visits = (request.session.visits ?? 0) + 1;
  response.send(`${request.session.name ?? 'nobody'} ${request.session.visits}`);
});
app.get('/logout', (request, response, next) => request.session.destroy((err) => (err ? next(err) : response.send('bye'))));

let base;
let cookie;

// get asks the server with the cookie that it has given.
async function get(path) {
  const response = await fetch(base + path, { headers: cookie ? { cookie } : {} });
  const given = response.headers.getSetCookie()[0];
  if (given) cookie = given.split(';')[0];
  return response.text();
}

const call = (method, ...args) => new Promise((resolve, reject) => store[method](...args, (err, result) => (err ? reject(err) : resolve(result))));

await step('connect', async () => {
  await client.connect();
  const server = app.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  base = `http://127.0.0.1:${server.address().port}`;
});

await step('sessions', async () => {
  assert.equal(await get('/login/ada'), 'welcome');
  assert.equal(await get('/me'), 'ada 1');
  assert.equal(await get('/me'), 'ada 2');
  await until(async () => assert.equal(await call('length'), 1)); // SCAN may be a moment behind.
  const [one] = await call('all');
  assert.equal(one.name, 'ada');
  assert.deepEqual(await call('ids'), [one.id]);
  const left = await client.ttl(`app:${one.id}`);
  assert.ok(left > 50 && left <= 60, `ttl ${left}`);
});

await step('touch', async () => {
  const [id] = await call('ids');
  const kept = await call('get', id);
  await call('touch', id, { ...kept, cookie: { ...kept.cookie, expires: new Date(Date.now() + 600_000) } });
  assert.ok((await client.ttl(`app:${id}`)) > 500);
});

await step('expiry', async () => {
  await call('set', 'short', { name: 'bob', cookie: { expires: new Date(Date.now() + 1_000) } });
  assert.equal((await call('get', 'short')).name, 'bob');
  await until(async () => assert.ok(!(await call('get', 'short'))));
});

await step('reconnect', async () => {
  await ask('stop 0');
  await ask('start 0');
  assert.match(await get('/me'), /^ada \d+$/);
});

await step('logout', async () => {
  assert.equal(await get('/logout'), 'bye');
  assert.equal(await get('/me'), 'nobody 1');
  await until(async () => {
    await call('clear');
    assert.equal(await call('length'), 0);
  });
});

finish();
