# SPDX-License-Identifier: Apache-2.0
"""A small glossary for `What is X?`: name | one or two sentences | word that must occur."""
from tables import rows

CONCEPTS = rows("""
the Sun | The Sun is the star at the center of our solar system. It gives us light and warmth. | star
the Moon | The Moon is the natural satellite of the Earth. It goes around us once in about 27 days. | Earth
the solar system | The solar system is the Sun together with its eight planets, their moons and many smaller bodies. | Sun
a star | A star is a huge ball of hot gas that gives off light. Our Sun is a star. | gas
a planet | A planet is a large round body that goes around a star. The Earth is a planet. | star
a galaxy | A galaxy is a huge group of stars, gas and dust. Ours is called the Milky Way. | stars
a black hole | A black hole is a place in space where gravity is so strong that not even light can get out. | gravity
a comet | A comet is a ball of ice and dust that grows a bright tail when it comes near the Sun. | ice
the universe | The universe is everything that exists: all of space, time, matter and energy. | everything
gravity | Gravity is the force that pulls things towards each other. It keeps us on the ground and the Moon near the Earth. | force
energy | Energy is the ability to do work, such as moving, heating or lighting something. | work
electricity | Electricity is the flow of electric charge. We use it for light, heat and machines. | charge
light | Light is a form of energy that we can see. It travels about 300,000 kilometers per second. | energy
sound | Sound is a vibration that travels through air or other matter and that we can hear. | vibration
magnetism | Magnetism is the force with which magnets attract iron and push or pull each other. | magnet
an atom | An atom is the smallest piece of a chemical element. It has a nucleus with electrons around it. | element
a molecule | A molecule is a group of atoms that are bound together. Water is a molecule. | atoms
water | Water is a clear liquid made of hydrogen and oxygen. All known life needs it. | hydrogen
ice | Ice is frozen water. It forms below 0 degrees Celsius. | frozen
air | Air is the mixture of gases around us, mostly nitrogen and oxygen. | oxygen
fire | Fire is the heat and light that come from burning something in oxygen. | heat
photosynthesis | Photosynthesis is how plants use sunlight to turn water and carbon dioxide into sugar and oxygen. | sunlight
evolution | Evolution is the slow change of living things over many generations by natural selection. | change
DNA | DNA is the molecule that carries the genetic instructions of living things. | genetic
a cell | A cell is the smallest unit of life. All living things are made of cells. | life
the heart | The heart is the muscle that pumps blood through the body. | blood
the brain | The brain is the organ that controls the body and with which we think. | think
blood | Blood is the red liquid that carries oxygen and food through the body. | oxygen
a vitamin | A vitamin is a substance that the body needs in small amounts to stay healthy. | body
a virus | A virus is a tiny particle that can only multiply inside living cells. | cells
bacteria | Bacteria are tiny living things with a single cell. Some are useful and some make us sick. | cell
a volcano | A volcano is an opening in the ground from which hot melted rock, ash and gas come out. | rock
an earthquake | An earthquake is a sudden shaking of the ground when parts of the Earth's crust move. | ground
rain | Rain is water that falls from clouds in drops. | clouds
snow | Snow is frozen water that falls from clouds as white crystals. | frozen
a rainbow | A rainbow is an arc of colors in the sky that appears when sunlight shines through drops of water. | colors
wind | Wind is moving air. It blows from high to low pressure. | air
a cloud | A cloud is a mass of tiny drops of water or ice in the sky. | water
weather | Weather is what the air is like at a place and time: warm or cold, wet or dry, calm or windy. | air
climate | Climate is the usual weather of a place over many years. | weather
a desert | A desert is a very dry place where little rain falls. | dry
a river | A river is a large stream of water that flows to a lake or to the sea. | water
an ocean | An ocean is a very large body of salt water. | salt
an island | An island is a piece of land with water all around it. | land
a mountain | A mountain is land that rises high above the land around it. | high
a forest | A forest is a large area covered with trees. | trees
a tree | A tree is a tall plant with a wooden trunk, branches and leaves. | plant
a flower | A flower is the part of a plant that makes seeds. Many are colorful and smell sweet. | plant
a mammal | A mammal is an animal that has hair and feeds its young with milk. | milk
a bird | A bird is an animal with feathers and wings that lays eggs. | feathers
a fish | A fish is an animal that lives in water and breathes with gills. | water
an insect | An insect is a small animal with six legs and a body in three parts. | six
a reptile | A reptile is a cold-blooded animal with scales, such as a snake or a lizard. | scales
a computer | A computer is a machine that follows instructions to store and work with data. | machine
a program | A program is a list of instructions for a computer. | instructions
software | Software is the programs that tell a computer what to do. | programs
hardware | Hardware is the parts of a computer that you can touch. | parts
the internet | The internet is a worldwide network that connects computers so that they can share data. | network
the web | The web is the part of the internet made of pages that link to each other. | pages
a browser | A browser is a program that shows web pages. | web
a server | A server is a program or computer that answers requests from other programs. | requests
a client | A client is a program that sends requests to a server. | server
a database | A database is an organized store of data that can be searched quickly. | data
an algorithm | An algorithm is a list of exact steps that solves a problem. | steps
a bug | A bug is a mistake in a program. | mistake
open source | Open source means that everybody may read, use and change the source code of a program. | code
encryption | Encryption turns data into a secret form that only somebody with the key can read. | key
a password | A password is a secret word that proves who you are. Keep it long and private. | secret
artificial intelligence | Artificial intelligence is software that does things which usually need human thinking, such as understanding language. | software
AI | AI means artificial intelligence: software that does things which usually need human thinking. | intelligence
machine learning | Machine learning is a way to make programs that learn from examples instead of fixed rules. | examples
a neural network | A neural network is a program made of many small connected units whose strengths are learned from examples. | learned
a language model | A language model is a program that has learned to predict the next piece of text. I am a small one. | text
a token | A token is a small piece of text, such as a word or part of a word. Language models read and write tokens. | text
a prompt | A prompt is the text that you give to a language model. | text
a chatbot | A chatbot is a program that talks with people in text. | program
an API | An API is a set of rules by which one program can ask another program to do something. | program
JSON | JSON is a simple text format for data, made of objects, lists, strings and numbers. | format
HTTP | HTTP is the protocol with which browsers and programs ask servers for data. | protocol
a URL | A URL is the address of something on the web. | address
Linux | Linux is a free operating system that runs on phones, computers and most servers. | operating
Python | Python is a programming language that is easy to read and widely used. | language
the C language | C is a small and fast programming language from the 1970s. grokd is written in C. | language
mathematics | Mathematics is the study of numbers, shapes and patterns. | numbers
physics | Physics is the science of matter, energy and forces. | energy
chemistry | Chemistry is the science of substances and how they change. | substances
biology | Biology is the science of living things. | living
history | History is the study of what happened in the past. | past
geography | Geography is the study of the Earth, its lands, seas and people. | Earth
music | Music is sound that people arrange to express feelings and ideas. | sound
a poem | A poem is a piece of writing with rhythm, and often with rhymes. | writing
a noun | A noun is a word for a person, a place or a thing. | word
a verb | A verb is a word for an action or a state, such as run or be. | action
an adjective | An adjective is a word that describes a noun, such as big or red. | noun
an adverb | An adverb is a word that describes a verb, an adjective or another adverb, such as quickly. | verb
intonation | Intonation is the rise and fall of the voice when we speak. It can turn a statement into a question. | voice
a prime number | A prime number is a number above 1 that can only be divided by 1 and by itself, such as 2, 3, 5 and 7. | divided
an even number | An even number can be divided by 2 without a rest, such as 2, 4 and 6. | 2
a fraction | A fraction is a part of a whole, written as one number over another, such as 1/2. | part
a triangle | A triangle is a shape with three sides. | three
a square | A square is a shape with four equal sides and four right angles. | four
a circle | A circle is a round shape whose points all have the same distance from its center. | round
democracy | Democracy is a form of government in which the people choose their leaders by voting. | people
money | Money is what people use to pay for things. | pay
a holiday | A holiday is a day on which people do not work, often to celebrate something. | day
bread | Bread is food made of flour and water that is baked. | flour
coffee | Coffee is a drink made from roasted beans. It contains caffeine. | drink
chocolate | Chocolate is a sweet food made from cocoa beans. | cocoa
pizza | Pizza is a flat round bread with tomato sauce, cheese and other toppings. It comes from Italy. | Italy
soccer | Soccer is a game in which two teams of eleven players try to kick a ball into a goal. | ball
chess | Chess is a board game for two players. You win by trapping the other king. | game
a robot | A robot is a machine that can do tasks by itself. | machine
a car | A car is a vehicle with four wheels and an engine. | vehicle
an airplane | An airplane is a machine with wings that flies through the air. | wings
a rocket | A rocket is a vehicle that pushes out hot gas to fly into space. | space
a telescope | A telescope is an instrument that makes far things look near, such as stars. | far
a book | A book is a set of printed pages held together, made for reading. | pages
friendship | Friendship is the bond between people who like and trust each other. | trust
happiness | Happiness is the good feeling of being content with life. | feeling
love | Love is a deep feeling of care for somebody or something. | feeling
time | Time is what clocks measure: the order of events from past to future. | clocks
grokd | grokd is a program that serves the Grok API on your own machine and runs language models on the CPU. | API
the Grok API | The Grok API is an HTTP interface for chatting with language models. grokd serves it on your own machine. | HTTP
xAI | xAI is the company that makes the Grok models and first published the Grok API. | company
streaming | Streaming means that the answer is sent piece by piece while it is being written. | piece
temperature | Temperature sets how random the answers of a model are: 0 is the most exact, higher values are more varied. | random
""")
