import { Button } from '@mantine/core'
import { useEffect, useRef, useState } from 'react'
import { Icon } from './Icon'

/** Copy puts a text on the clipboard, and says so. */
export function Copy({ text, label = 'Copy', size = 'compact-xs', onCopied }: { text: string; label?: string; size?: string; onCopied?: () => void }) {
  const [copied, setCopied] = useState(false)
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined)
  useEffect(() => () => clearTimeout(timer.current), [])
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text)
    } catch {
      copyBySelection(text) // without HTTPS a browser has no clipboard for pages
    }
    setCopied(true)
    onCopied?.()
    clearTimeout(timer.current)
    timer.current = setTimeout(() => setCopied(false), 2000)
  }
  return (
    <Button variant="default" size={size} onClick={copy} leftSection={<Icon name={copied ? 'check' : 'copy'} size={14} />}>
      <span aria-live="polite">{copied ? 'Copied' : label}</span>
    </Button>
  )
}

function copyBySelection(text: string) {
  const field = document.createElement('textarea')
  field.value = text
  field.setAttribute('readonly', '')
  field.className = 'sr'
  document.body.append(field)
  field.select()
  document.execCommand('copy')
  field.remove()
}
