// One instance of the Hono app of the fault rig: the same route and the same answers as
// faults/src/faces/axum.rs.
import { setTimeout as sleep } from 'node:timers/promises'
import { okibi, packaged } from './packages.mjs'
import { serve } from './serve.mjs'
import { openStore } from './stores.mjs'

const options = JSON.parse(process.argv[2])
const { Hono } = await packaged('hono')
const { directory, OkibiError, sessions } = await okibi('index.js')

/** The names that every view shows. Reading the flash under `note` would remove it. */
const NAMES = ['a', 'b', 'c', 'ticket']

const store = await openStore(options.store)
const times = { storeTimeout: options.storeTimeout, commitDeadline: options.commitDeadline }
const owned = directory({ store, ...times })

/** Says by the error's stable name whether something was written. */
function answerError(error, c) {
  let cause = error.cause
  while (cause?.cause) cause = cause.cause
  return c.json({ code: error.code, why: cause && String(cause) }, error.status)
}

const app = new Hono()
app.onError((error, c) => {
  if (error instanceof OkibiError) return answerError(error, c)
  console.error(error)
  return c.json({ code: 'app' }, 500)
})
app.use(
  sessions({
    store,
    ...times,
    grace: options.grace,
    idle: options.idle,
    absolute: options.idle,
    onError: answerError,
  }),
)
app.post('/', async (c) => {
  const wish = await c.req.json()
  if (wish.act === 'revoke') {
    await owned.revokeAll(wish.owner)
    return c.json({})
  }
  const session = c.get('session')
  const answer = { before: view(session) }
  await sleep(wish.pause ?? 0)
  // A new value for the session that a lost login begins: it stores nothing under this name.
  if (mayBegin(session, wish)) session.update('birth', (birth = wish.birth) => birth)
  await change(session, wish, answer)
  if (wish.early) await session.commit()
  if (wish.early || wish.act === 'take') answer.after = view(session)
  if (wish.act === 'fail') return c.json({ ...answer, code: 'on_purpose' }, 500)
  return c.json(answer)
})

/** Whether this may begin a session: a change without one, or a login. */
function mayBegin(session, { act, value }) {
  return act === 'rotate' || act === 'own' || (!session.isLive && (value !== undefined || act === 'bump'))
}

async function change(session, wish, answer) {
  if (wish.name !== undefined && wish.value !== undefined) session.set(wish.name, wish.value)
  switch (wish.act) {
    case 'remove':
      return session.remove(wish.name)
    case 'bump':
      return session.update('count', (count = 0) => count + 1)
    case 'take':
      answer.got = await session.take(wish.name)
      return
    case 'flash':
      return session.flash('note', wish.value)
    case 'read_flash':
      answer.got = session.get('note')
      return
    case 'rotate':
      return session.rotate()
    case 'renew':
      return session.renewId()
    case 'own':
      return session.setOwner(wish.owner)
    case 'destroy':
      return session.destroy()
  }
}

function view(session) {
  const values = {}
  for (const name of NAMES) {
    const value = session.get(name)
    if (value !== undefined) values[name] = value
  }
  const [count, birth] = [session.get('count'), session.get('birth')]
  return { live: session.isLive, handle: session.handle, owner: session.owner, values, count, birth }
}

console.log(await serve(app))
