// @twurple/chat, reading without an account: twurple.mjs PORT CHANNEL. Prints what it saw.
import { ChatClient } from '@twurple/chat'
import { IrcClient } from 'ircv3'

const [port, channel] = process.argv.slice(2)
const tell = (event, members = {}) => console.log(JSON.stringify({ event, ...members }))
// It has no option for the port.
Object.defineProperty(IrcClient.prototype, 'port', { get: () => Number(port) })
const client = new ChatClient({ channels: [channel], hostName: '127.0.0.1', ssl: false })
client.onConnect(() => tell('connected'))
client.onJoin((room, user) => tell('join', { room, user }))
client.onJoinFailure((room, why) => tell('not joined', { room, why }))
client.onMessage((room, user, text, m) => tell('message', {
	room, user, text, id: m.id, name: m.userInfo.displayName, mod: m.userInfo.isMod,
	room_id: m.channelId,
}))
client.onRaid((room, user, raid) => tell('raid', { room, user, viewers: raid.viewerCount }))
client.onSub((room, user, sub) => tell('sub', { room, user, plan: sub.plan, months: sub.months }))
client.onTimeout((room, user, seconds) => tell('timeout', { room, user, seconds }))
client.onMessageRemove((room, id) => tell('deleted', { room, id }))
client.connect()
