/** The icons, as strokes on a grid of 24. */
const shapes = {
  overview: ['M4 19V11', 'M10 19V5', 'M16 19v-6', 'M22 19H2'],
  limits: ['M4 6h9', 'M17 6h3', 'M4 12h3', 'M11 12h9', 'M4 18h11', 'M19 18h1', 'M15 4v4', 'M9 10v4', 'M17 16v4'],
  users: ['M9 11a4 4 0 1 0 0-8 4 4 0 0 0 0 8z', 'M2 21v-1a6 6 0 0 1 6-6h2a6 6 0 0 1 6 6v1', 'M16 3.5a4 4 0 0 1 0 7', 'M22 21v-1a6 6 0 0 0-4-5.6'],
  start: ['M5 4l14 8-14 8z'],
  projects: ['M4 4h6v6H4z', 'M14 4h6v6h-6z', 'M4 14h6v6H4z', 'M14 14h6v6h-6z'],
  account: ['M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8z', 'M4 21a8 8 0 0 1 16 0'],
  copy: ['M9 9h11v11H9z', 'M5 15H4V4h11v1'],
  check: ['M5 12.5l4.5 4.5L19 7.5'],
  cross: ['M6 6l12 12', 'M18 6L6 18'],
  plus: ['M12 5v14', 'M5 12h14'],
  hash: ['M9 4L7 20', 'M17 4l-2 16', 'M4 9h16', 'M4 15h16'],
  infinity: ['M7 9a3 3 0 1 0 0 6c2.5 0 4-6 10-6a3 3 0 1 1 0 6c-6 0-7.5-6-10-6z'],
  blocked: ['M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z', 'M5.6 5.6l12.8 12.8'],
  left: ['M19 12H5', 'M11 6l-6 6 6 6'],
  up: ['M12 19V5', 'M6 11l6-6 6 6'],
  down: ['M6 9l6 6 6-6'],
  right: ['M9 6l6 6-6 6'],
  warn: ['M12 3.5L22 20.5H2z', 'M12 10v4.5', 'M12 17.4v.1'],
  info: ['M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18z', 'M12 11v5.5', 'M12 7.6v.1'],
  search: ['M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14z', 'M16.2 16.2L21 21'],
  gift: ['M4 11h16v10H4z', 'M3 7h18v4H3z', 'M12 7v14', 'M12 7C10 2 5 3 7.5 7', 'M12 7c2-5 7-4 4.5 0'],
  undo: ['M9 14L4 9l5-5', 'M4 9h10a6 6 0 0 1 0 12h-3'],
  history: ['M3 12a9 9 0 1 0 3-6.7', 'M3 4v4h4', 'M12 8v4.5l3 2'],
  braces: ['M8 4c-3 0-2 3-2 5 0 2-1 3-3 3 2 0 3 1 3 3 0 2-1 5 2 5', 'M16 4c3 0 2 3 2 5 0 2 1 3 3 3-2 0-3 1-3 3 0 2 1 5-2 5'],
  sun: ['M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8z', 'M12 2v2', 'M12 20v2', 'M4.9 4.9l1.4 1.4', 'M17.7 17.7l1.4 1.4', 'M2 12h2', 'M20 12h2', 'M4.9 19.1l1.4-1.4', 'M17.7 6.3l1.4-1.4'],
  moon: ['M20 14.5A8.5 8.5 0 1 1 9.5 4a7 7 0 0 0 10.5 10.5z'],
  logout: ['M10 4H4v16h6', 'M9 12h12', 'M17 8l4 4-4 4'],
  menu: ['M4 7h16', 'M4 12h16', 'M4 17h16'],
  mail: ['M3 5h18v14H3z', 'M3 6l9 7 9-7'],
  trash: ['M4 7h16', 'M9 7V4h6v3', 'M6 7l1 14h10l1-14'],
  pencil: ['M4 20l1-5L16 4l4 4L9 19z'],
  bolt: ['M13 2L4 14h7l-1 8 9-12h-7z'],
  key: ['M8 11a5 5 0 1 0 3.9 8.1', 'M12 15h9', 'M18 15v4', 'M8 11a5 5 0 0 1 4 4'],
  device: ['M3 5h18v11H3z', 'M9 20h6', 'M12 16v4'],
} as const

export type IconName = keyof typeof shapes

export function Icon({ name, size = 18 }: { name: IconName; size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 24 24" fill="none" stroke="currentColor" strokeWidth={1.8} strokeLinecap="round" strokeLinejoin="round" aria-hidden="true" focusable="false" className="icon">
      {shapes[name].map((d) => (
        <path key={d} d={d} />
      ))}
    </svg>
  )
}
