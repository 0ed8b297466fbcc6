import { Copy } from './Copy'

/** Code shows a text to copy. Wrapped, long lines need no scrolling. */
export function Code({ text, label, copy = 'Copy', wrap = false, onCopied }: { text: string; label: string; copy?: string; wrap?: boolean; onCopied?: () => void }) {
  return (
    <div className="code">
      <pre tabIndex={0} aria-label={label} className={wrap ? 'wrap with-copy' : 'with-copy'}>
        {text}
      </pre>
      <div className="copy">
        <Copy text={text} label={copy} onCopied={onCopied} />
      </div>
    </div>
  )
}
