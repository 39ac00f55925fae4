// The look of the site: VitePress' own, with the machine's fonts and the colours of the demo.
import DefaultTheme from 'vitepress/theme-without-fonts'
import './style.css'

export default DefaultTheme
