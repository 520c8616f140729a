// tmi.js as one more bot: tmi.mjs PORT TOKEN LOGIN CHANNEL. Prints what it saw; answers "hello".
import tmi from 'tmi.js'

const [port, token, login, channel] = process.argv.slice(2)
const tell = (event, members = {}) => console.log(JSON.stringify({ event, ...members }))
const client = new tmi.Client({
	connection: { server: '127.0.0.1', port: Number(port), secure: false, reconnect: false },
	identity: { username: login, password: `oauth:${token}` },
	channels: [channel],
})
client.on('connected', () => tell('connected'))
client.on('disconnected', why => tell('disconnected', { why }))
client.on('join', (room, user, self) => tell('join', { room, user, self }))
client.on('roomstate', (room, state) => tell('roomstate', { room, id: state['room-id'] }))
client.on('notice', (room, id, text) => tell('notice', { room, id, text }))
client.on('raided', (room, user, viewers) =>
	tell('raided', { room, user, viewers: Number(viewers) }))
client.on('timeout', (room, user, why, seconds) => tell('timeout', { room, user, seconds }))
client.on('messagedeleted', (room, user, text, state) =>
	tell('deleted', { room, user, id: state['target-msg-id'] }))
client.on('message', async (room, state, text, self) => {
	if (self) return
	tell('message', { room, text, user: state['display-name'], id: state.id, mod: state.mod })
	if (text !== 'hello') return
	try {
		await client.say(room, 'hello from tmi.js')
		tell('said')
	} catch (why) {
		tell('not said', { why: String(why) })
	}
})
client.connect().catch(why => tell('refused', { why: String(why) }))
