// An identity provider made of the npm package samlp: a sign-in page, single sign-on by redirect and by POST, single
// logout, metadata.  Run with Node: provider.js CONFIG.json, whose members are those that `config` is asked for below.
'use strict';

const crypto = require('node:crypto');
const fs = require('node:fs');
const https = require('node:https');
const samlp = require('samlp');

const config = JSON.parse(fs.readFileSync(process.argv[2], 'utf8'));
const file = name => fs.readFileSync(config[name], 'utf8');
const GCM = 'http://www.w3.org/2009/xmlenc11#aes256-gcm';
const OAEP = 'http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p';
const PERSISTENT = 'urn:oasis:names:tc:SAML:2.0:nameid-format:persistent';
const REDIRECT = 'urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect';
const SIGNED = { issuer: config.entity_id, cert: file('certificate'), key: file('key'), signatureAlgorithm: 'rsa-sha256', digestAlgorithm: 'sha256' };

const signedIn = new Map(); // the cookie's value -> user, and the service providers that were told of it
const kept = new Map(); // what a logout under way keeps between two requests

// ---- what Express would do ----

function html(text) {
	return text.replace(/[&<>"]/g, c => `&#${c.charCodeAt(0)};`);
}

function dress(req, res, body) {
	const url = new URL(req.url, config.url);
	req.query = Object.fromEntries(url.searchParams);
	req.body = Object.fromEntries(new URLSearchParams(body));
	req.originalUrl = req.url;
	req.protocol = 'https';
	req.cookie = /(?:^|; )idp=(\w+)/.exec(req.headers.cookie || '')?.[1];
	res.set = (name, value) => res.setHeader(name, value);
	res.send = (what, text) => {
		if (typeof what === 'number')
			res.statusCode = what;
		else
			text = what;
		res.end(text || '');
	};
	res.redirect = where => res.writeHead(302, { Location: where }).end();
	return url.pathname;
}

// ---- who signs in ----

class Profile {
	constructor(user) {
		this.user = user;
	}
	getClaims() {
		return config.users[this.user];
	}
	getNameIdentifier() {
		return { nameIdentifier: crypto.createHash('sha256').update(`${config.entity_id} ${this.user}`).digest('hex'), nameIdentifierFormat: PERSISTENT };
	}
}
Profile.prototype.metadata = [];
const profileOf = Object.assign(user => new Profile(user), { prototype: Profile.prototype });

function page(res, text, status = 200) {
	res.writeHead(status, { 'Content-Type': 'text/html; charset=utf-8' });
	res.end(`<!doctype html><html lang="en"><meta name="viewport" content="width=device-width"><title>Example Net</title><h1>Example Net</h1>${text}`);
}

// What came with the request goes through the sign-in page and back.
function askWho(req, res) {
	const fields = Object.entries({ ...req.query, ...req.body }).map(([name, value]) => `<input type="hidden" name="${html(name)}" value="${html(value)}">`);
	page(res, `<form method="post" action="/sign-in">${fields.join('')}<p><label>User name <input name="username" autofocus></label>
<p><label>Password <input type="password" name="password"></label><p><button>Sign in</button></form>`);
}

function signIn(req, res) {
	const { username, password, ...rest } = req.body;
	if (!(username in config.users) || password !== config.password)
		return page(res, '<p>Wrong user name or password.', 403);
	const cookie = crypto.randomBytes(16).toString('hex');
	signedIn.set(cookie, { user: username, participants: [] });
	res.setHeader('Set-Cookie', `idp=${cookie}; Secure; HttpOnly; SameSite=None; Path=/`);
	req.cookie = cookie;
	req.query = 'Signature' in rest ? rest : {};
	req.body = 'Signature' in rest ? {} : rest;
	req.method = 'Signature' in rest ? 'GET' : 'POST';
	answer(req, res);
}

// ---- single sign-on ----

function answer(req, res) {
	const session = signedIn.get(req.cookie);
	if (!session)
		return askWho(req, res);
	const index = '_' + crypto.randomBytes(16).toString('hex');
	const encryption = config.encrypt ? { encryptionCert: file('sp_encryption_certificate'), encryptionPublicKey: crypto.createPublicKey(file('sp_encryption_certificate')).export({ type: 'spki', format: 'pem' }), encryptionAlgorithm: GCM, keyEncryptionAlgorithm: OAEP } : {};
	samlp.auth({
		...SIGNED, ...encryption, profileMapper: profileOf, audience: config.sp_entity_id, recipient: config.acs_url, destination: config.acs_url,
		signResponse: config.sign_response, lifetimeInSeconds: 300, sessionIndex: index, signingCert: file('sp_certificate'),
		authnContextClassRef: config.authn_context,
		getUserFromRequest: () => session.user,
		getPostURL: (audience, request, _, done) => {
			session.participants.push({ serviceProviderId: config.sp_entity_id, nameId: profileOf(session.user).getNameIdentifier().nameIdentifier, nameIdFormat: PERSISTENT, sessionIndex: index, serviceProviderLogoutURL: config.sp_logout_url, cert: file('sp_certificate'), binding: REDIRECT });
			done(null, config.acs_url);
		},
	})(req, res, error => refused(res, error));
}

function refused(res, error) {
	console.error(String(error.stack || error));
	page(res, `<p>Refused: ${html(String(error.message || error))}`, 400);
}

// ---- single logout ----

const store = {
	save: (req, state, done) => {
		const handle = crypto.randomBytes(16).toString('hex');
		kept.set(handle, state);
		done(null, handle);
	},
	load: (req, handle, options, done = options) => {
		const state = kept.get(handle);
		if (options.destroy)
			kept.delete(handle);
		done(null, state);
	},
	update: (req, handle, state, done) => done(null, kept.set(handle, state)),
};

const Participants = samlp.SessionParticipants || require('samlp/lib/sessionParticipants');

// The request is the service's or the browser's; a logout begun without a session of the browser's has no participants.
function logOut(req, res) {
	const session = signedIn.get(req.cookie) || { participants: [] };
	samlp.logout({
		...SIGNED, deflate: true, protocolBinding: REDIRECT, destination: config.sp_logout_url, store,
		sessionParticipants: new Participants(session.participants),
		clearIdPSession: done => {
			signedIn.delete(req.cookie);
			done();
		},
	})(req, res, error => refused(res, error));
}

// ---- the server ----

const metadata = samlp.metadata({ issuer: config.entity_id, cert: file('certificate'), redirectEndpointPath: '/sso', postEndpointPath: '/sso', logoutEndpointPaths: { redirect: '/slo', post: '/slo' }, profileMapper: profileOf });
const ROUTES = { '/sso': answer, '/sign-in': signIn, '/slo': logOut, '/metadata': metadata };

function serve(req, res) {
	let body = '';
	req.on('data', piece => body += piece);
	req.on('end', () => {
		const route = ROUTES[dress(req, res, body)];
		try {
			route ? route(req, res) : page(res, '<p>There is nothing here.', 404);
		} catch (error) {
			refused(res, error);
		}
	});
}

https.createServer({ cert: file('tls_certificate'), key: file('tls_key') }, serve).listen(config.port, config.address);
