import { Alert, Anchor, Button, Group, PinInput, Stack, Text, TextInput } from '@mantine/core'
import { useRef, useState, type FormEvent } from 'react'
import { api, http, type Schemas } from '../api/client'
import { messageOf } from '../api/problem'
import { Icon } from '../ui/Icon'

type SignedIn = Schemas['SignedIn']

/** SignInForm asks for a mail, then for the code in it. next is the page that the mail's link leads to. */
export function SignInForm({ email: known = '', next, onSignedIn }: { email?: string; next?: string; onSignedIn: (answer: SignedIn) => void }) {
  const [email, setEmail] = useState(known)
  const [asked, setAsked] = useState<Schemas['Asked'] | null>(null)
  if (asked) return <CodeForm asked={asked} email={email} onAgain={() => setAsked(null)} onSignedIn={onSignedIn} />
  return <AddressForm email={email} setEmail={setEmail} next={next} onAsked={setAsked} />
}

function AddressForm({ email, setEmail, next, onAsked }: { email: string; setEmail: (email: string) => void; next?: string; onAsked: (asked: Schemas['Asked']) => void }) {
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<string | null>(null)
  const meta = api.useQuery('get', '/api/meta')
  const ask = async (e: FormEvent) => {
    e.preventDefault()
    setBusy(true)
    setError(null)
    try {
      const { data } = await http.POST('/api/auth/magic-link/request', { body: { email, next } })
      onAsked(data!)
    } catch (problem) {
      setError(messageOf(problem))
    } finally {
      setBusy(false)
    }
  }
  return (
    <form onSubmit={ask}>
      <Stack>
        <TextInput label="Mail address" type="email" name="email" autoComplete="username" required value={email} onChange={(e) => setEmail(e.currentTarget.value)} error={error} placeholder="you@example.com" data-autofocus autoFocus />
        <Button type="submit" loading={busy} leftSection={<Icon name="mail" />}>
          Send me a link and a code
        </Button>
        {meta.data?.signup === 'open' && (
          <Text size="sm" c="dimmed">
            A new address gets an account.
          </Text>
        )}
      </Stack>
    </form>
  )
}

const hints: Partial<Record<Schemas['Meta']['mail'], string>> = {
  log: 'No mail is set up on this server: the link and the code are in its log.',
  none: 'No mail is set up on this server. An operator can make a link: airatelimit login-link ADDRESS',
}

function CodeForm({ asked, email, onAgain, onSignedIn }: { asked: Schemas['Asked']; email: string; onAgain: () => void; onSignedIn: (answer: SignedIn) => void }) {
  const [code, setCode] = useState('')
  const [busy, setBusy] = useState(false)
  const [error, setError] = useState<string | null>(null)
  const first = useRef<HTMLInputElement>(null)
  const meta = api.useQuery('get', '/api/meta')
  const hint = meta.data && hints[meta.data.mail]
  const verify = async (typed: string) => {
    setBusy(true)
    setError(null)
    try {
      const { data } = await http.POST('/api/auth/magic-link/verify', { body: { requestId: asked.requestId, code: typed } })
      onSignedIn(data!)
    } catch (problem) {
      setError(messageOf(problem))
      setCode('')
      first.current?.focus()
    } finally {
      setBusy(false)
    }
  }
  return (
    <form
      onSubmit={(e) => {
        e.preventDefault()
        void verify(code)
      }}
    >
      <Stack>
        {hint ? (
          <Alert icon={<Icon name="info" />}>{hint}</Alert>
        ) : (
          <Text size="sm">
            If <b className="break">{email}</b> may sign in here, a mail is on its way. Open its link, or type its code in this browser.
          </Text>
        )}
        <div role="group" aria-label="Code of the mail">
          <PinInput ref={first} length={6} type="number" inputMode="numeric" oneTimeCode autoFocus value={code} onChange={setCode} onComplete={verify} disabled={busy} error={error !== null} aria-label="Digit of the code" getInputProps={(index) => ({ 'aria-label': `Digit ${index + 1} of 6` })} />
        </div>
        {error && (
          <Text size="sm" className="bad" role="alert">
            {error}
          </Text>
        )}
        <Group gap="md">
          <Anchor component="button" type="button" size="sm" onClick={onAgain}>
            Another address, or a new mail
          </Anchor>
        </Group>
      </Stack>
    </form>
  )
}
