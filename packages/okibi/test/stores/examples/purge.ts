// The documentation's cron trigger that drops expired rows of D1.
import { env } from 'cloudflare:workers'
import { d1Store } from 'okibi/d1'

export async function scheduled(): Promise<void> {
  await d1Store(env.DB).purge()
}
