// When the server ends.

/** How long requests that are under way may take when the server ends, in milliseconds. */
const PATIENCE = 2000

/** Ends the server at SIGINT, at SIGTERM and, if asked to, when the standard input ends. */
export function stopWhenTold(server, withStdin) {
  const stop = () => {
    server.close(() => process.exit(0))
    // A browser that keeps a connection open without asking for anything does not keep the server.
    setTimeout(() => process.exit(0), PATIENCE)
  }
  process.once('SIGINT', stop)
  process.once('SIGTERM', stop)
  if (withStdin) process.stdin.once('close', stop).resume()
}
