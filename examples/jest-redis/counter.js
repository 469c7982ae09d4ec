/** The code under test. */
exports.visit = (client, page) => client.incr(`visits:${page}`)
