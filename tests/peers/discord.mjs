// discord.js as one more bot: discord.mjs API-URL TOKEN. Prints what it saw; answers "hello", edits
// and deletes what it said when told "edit" and "delete", and serves the command /ask.
import { Client, GatewayIntentBits as Bits, MessageFlags, Partials } from 'discord.js'

const [api, token] = process.argv.slice(2)
const tell = (event, members = {}) => console.log(JSON.stringify({ event, ...members }))
const client = new Client({
	intents: [Bits.Guilds, Bits.GuildMembers, Bits.GuildMessages, Bits.GuildMessageReactions,
		Bits.DirectMessages, Bits.MessageContent],
	partials: [Partials.Channel, Partials.Message, Partials.Reaction],
	rest: { api },
	allowedMentions: { parse: [] },
})
let last = null
client.once('clientReady', async () => {
	tell('ready', { user: client.user.id, guilds: client.guilds.cache.map(g => g.name),
		channels: client.channels.cache.map(c => c.name) })
	const commands = await client.application.commands.set([{ name: 'ask', description: 'Asks',
		options: [{ type: 3, name: 'question', description: 'What', required: true }] }])
	tell('commands', { names: commands.map(c => c.name) })
})
client.on('shardResume', (id, replayed) => tell('resumed', { replayed }))
client.on('shardDisconnect', event => tell('disconnected', { code: event.code }))
client.on('guildMemberAdd', m => tell('joined', { user: m.user.username }))
client.on('messageReactionAdd', (r, user) =>
	tell('reaction', { emoji: r.emoji.name, user: user.id }))
client.on('messageDelete', m => tell('deleted', { id: m.id }))
client.on('messageUpdate', (_, m) => tell('changed', { id: m.id, text: m.content }))
client.on('messageCreate', async m => {
	tell('message', { id: m.id, text: m.content, user: m.author.username,
		name: m.member?.displayName, type: m.type,
		own: m.author.id === client.user.id, guild: m.guildId })
	if (m.author.id === client.user.id) return
	if (m.content === 'hello') {
		await m.channel.sendTyping()
		const allowedMentions = { parse: [], repliedUser: false }
		last = await m.reply({ content: 'hi @everyone', allowedMentions })
		await m.react('👋')
	}
	if (m.content === 'edit') await last.edit('hi again')
	if (m.content === 'delete') await last.delete()
	if (m.content === 'many') for (let i = 0; i < 12; i++) await m.channel.send(`number ${i}`)
})
client.on('interactionCreate', async i => {
	tell('interaction', { name: i.commandName, question: i.options.getString('question') })
	await i.deferReply({ flags: MessageFlags.Ephemeral })
	await i.editReply(`about ${i.options.getString('question')}`)
	await i.followUp({ content: 'and more', flags: MessageFlags.Ephemeral })
	tell('answered')
})
client.on('error', why => tell('error', { why: String(why) }))
process.on('unhandledRejection', why => tell('error', { why: String(why) }))
client.login(token).catch(why => tell('refused', { why: String(why) }))
