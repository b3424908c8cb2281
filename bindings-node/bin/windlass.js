#!/usr/bin/env node

// The command writes to the standard streams by itself; Node's own must not be touched before, since they change the pipes.
const { native } = require('../dist/native.js')

process.exitCode = native.commandLine(['windlass', ...process.argv.slice(2)])
