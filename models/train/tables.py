# SPDX-License-Identifier: Apache-2.0
"""Facts that the model is taught, written by hand, one tuple per fact.

Kept as text blocks with `|` between fields, because that is quick to read and
to extend. `rows` turns a block into tuples.
"""


def rows(text):
    """Tuples of stripped fields, one per non-empty line."""
    lines = (line.strip() for line in text.strip().splitlines())
    return [tuple(f.strip() for f in line.split("|")) for line in lines if line]


# country | capital | continent | currency | main language
COUNTRIES = rows("""
France | Paris | Europe | euro | French
Germany | Berlin | Europe | euro | German
Italy | Rome | Europe | euro | Italian
Spain | Madrid | Europe | euro | Spanish
Portugal | Lisbon | Europe | euro | Portuguese
Austria | Vienna | Europe | euro | German
Switzerland | Bern | Europe | Swiss franc | German
Belgium | Brussels | Europe | euro | Dutch
the Netherlands | Amsterdam | Europe | euro | Dutch
Ireland | Dublin | Europe | euro | English
the United Kingdom | London | Europe | pound sterling | English
Norway | Oslo | Europe | Norwegian krone | Norwegian
Sweden | Stockholm | Europe | Swedish krona | Swedish
Denmark | Copenhagen | Europe | Danish krone | Danish
Finland | Helsinki | Europe | euro | Finnish
Iceland | Reykjavik | Europe | Icelandic krona | Icelandic
Poland | Warsaw | Europe | zloty | Polish
the Czech Republic | Prague | Europe | Czech koruna | Czech
Slovakia | Bratislava | Europe | euro | Slovak
Hungary | Budapest | Europe | forint | Hungarian
Romania | Bucharest | Europe | leu | Romanian
Bulgaria | Sofia | Europe | euro | Bulgarian
Greece | Athens | Europe | euro | Greek
Croatia | Zagreb | Europe | euro | Croatian
Serbia | Belgrade | Europe | Serbian dinar | Serbian
Slovenia | Ljubljana | Europe | euro | Slovene
Ukraine | Kyiv | Europe | hryvnia | Ukrainian
Russia | Moscow | Europe and Asia | ruble | Russian
Estonia | Tallinn | Europe | euro | Estonian
Latvia | Riga | Europe | euro | Latvian
Lithuania | Vilnius | Europe | euro | Lithuanian
Turkey | Ankara | Asia and Europe | lira | Turkish
Egypt | Cairo | Africa | Egyptian pound | Arabic
Morocco | Rabat | Africa | dirham | Arabic
Algeria | Algiers | Africa | Algerian dinar | Arabic
Tunisia | Tunis | Africa | Tunisian dinar | Arabic
Nigeria | Abuja | Africa | naira | English
Ghana | Accra | Africa | cedi | English
Kenya | Nairobi | Africa | Kenyan shilling | Swahili
Ethiopia | Addis Ababa | Africa | birr | Amharic
Tanzania | Dodoma | Africa | Tanzanian shilling | Swahili
Uganda | Kampala | Africa | Ugandan shilling | English
Senegal | Dakar | Africa | CFA franc | French
South Africa | Pretoria | Africa | rand | Zulu
Saudi Arabia | Riyadh | Asia | riyal | Arabic
Israel | Jerusalem | Asia | shekel | Hebrew
Iran | Tehran | Asia | rial | Persian
Iraq | Baghdad | Asia | Iraqi dinar | Arabic
India | New Delhi | Asia | Indian rupee | Hindi
Pakistan | Islamabad | Asia | Pakistani rupee | Urdu
Bangladesh | Dhaka | Asia | taka | Bengali
Nepal | Kathmandu | Asia | Nepalese rupee | Nepali
China | Beijing | Asia | yuan | Mandarin Chinese
Japan | Tokyo | Asia | yen | Japanese
South Korea | Seoul | Asia | won | Korean
Mongolia | Ulaanbaatar | Asia | tugrik | Mongolian
Thailand | Bangkok | Asia | baht | Thai
Vietnam | Hanoi | Asia | dong | Vietnamese
Indonesia | Jakarta | Asia | rupiah | Indonesian
Malaysia | Kuala Lumpur | Asia | ringgit | Malay
the Philippines | Manila | Asia | peso | Filipino
Australia | Canberra | Oceania | Australian dollar | English
New Zealand | Wellington | Oceania | New Zealand dollar | English
Fiji | Suva | Oceania | Fijian dollar | English
the United States | Washington, D.C. | North America | US dollar | English
Canada | Ottawa | North America | Canadian dollar | English
Mexico | Mexico City | North America | peso | Spanish
Cuba | Havana | North America | Cuban peso | Spanish
Jamaica | Kingston | North America | Jamaican dollar | English
Costa Rica | San Jose | North America | colon | Spanish
Brazil | Brasilia | South America | real | Portuguese
Argentina | Buenos Aires | South America | peso | Spanish
Chile | Santiago | South America | peso | Spanish
Peru | Lima | South America | sol | Spanish
Colombia | Bogota | South America | peso | Spanish
Venezuela | Caracas | South America | bolivar | Spanish
Ecuador | Quito | South America | US dollar | Spanish
Bolivia | Sucre | South America | boliviano | Spanish
Uruguay | Montevideo | South America | peso | Spanish
""")

# planet | position | remark
PLANETS = rows("""
Mercury | first | the smallest planet and the closest to the Sun
Venus | second | the hottest planet, wrapped in thick clouds
Earth | third | our home, the only planet known to have life
Mars | fourth | the red planet, red because of rust in its soil
Jupiter | fifth | the largest planet, with a storm called the Great Red Spot
Saturn | sixth | the planet famous for its bright rings of ice
Uranus | seventh | an icy planet that is tilted on its side
Neptune | eighth | the farthest planet from the Sun, blue and windy
""")

# element | symbol | number | remark
ELEMENTS = rows("""
hydrogen | H | 1 | the lightest element
helium | He | 2 | a light gas used in balloons
lithium | Li | 3 | a soft metal used in batteries
beryllium | Be | 4 | a light, hard metal
boron | B | 5 | a hard element used in glass
carbon | C | 6 | the basis of all known life
nitrogen | N | 7 | the main gas in the air
oxygen | O | 8 | the gas that we need to breathe
fluorine | F | 9 | a very reactive gas
neon | Ne | 10 | a gas that glows in bright signs
sodium | Na | 11 | a soft metal that is part of table salt
magnesium | Mg | 12 | a light metal that burns with a white flame
aluminium | Al | 13 | a light metal used in cans and planes
silicon | Si | 14 | the material of computer chips
phosphorus | P | 15 | an element used in matches and fertilizer
sulfur | S | 16 | a yellow element with a strong smell
chlorine | Cl | 17 | a gas used to clean water
argon | Ar | 18 | a gas that hardly reacts with anything
potassium | K | 19 | a soft metal found in bananas
calcium | Ca | 20 | an element that makes bones strong
titanium | Ti | 22 | a strong and light metal
chromium | Cr | 24 | a shiny metal that resists rust
iron | Fe | 26 | the metal that steel is made of
cobalt | Co | 27 | a metal used for blue glass
nickel | Ni | 28 | a metal used in coins
copper | Cu | 29 | a reddish metal used in wires
zinc | Zn | 30 | a metal that protects iron from rust
silver | Ag | 47 | a shiny precious metal
tin | Sn | 50 | a soft metal used for solder
iodine | I | 53 | an element used to clean wounds
tungsten | W | 74 | the metal with the highest melting point
platinum | Pt | 78 | a rare and precious metal
gold | Au | 79 | a yellow precious metal
mercury | Hg | 80 | a metal that is liquid at room temperature
lead | Pb | 82 | a heavy, poisonous metal
radium | Ra | 88 | a radioactive metal found by Marie Curie
uranium | U | 92 | a radioactive metal used in power plants
""")

MONTHS = rows("""
January | 31
February | 28
March | 31
April | 30
May | 31
June | 30
July | 31
August | 31
September | 30
October | 31
November | 30
December | 31
""")
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
ORDINALS = ("first second third fourth fifth sixth seventh eighth ninth tenth "
            "eleventh twelfth").split()

# small unit | how many | large unit (one large unit has so many small ones)
UNITS = rows("""
seconds | 60 | minute
minutes | 60 | hour
hours | 24 | day
days | 7 | week
months | 12 | year
years | 10 | decade
years | 100 | century
millimeters | 10 | centimeter
centimeters | 100 | meter
meters | 1000 | kilometer
grams | 1000 | kilogram
kilograms | 1000 | tonne
milliliters | 1000 | liter
inches | 12 | foot
feet | 3 | yard
cents | 100 | dollar
bits | 8 | byte
eggs | 12 | dozen
degrees | 360 | full circle
players | 11 | soccer team
strings | 6 | guitar
sides | 3 | triangle
sides | 4 | square
sides | 5 | pentagon
sides | 6 | hexagon
sides | 8 | octagon
legs | 8 | spider
legs | 6 | insect
legs | 4 | dog
colors | 7 | rainbow
""")

# animal | class | sound verb | young | home | remark
ANIMALS = rows("""
dog | mammal | barks | puppy | house | It is loyal and likes to play.
cat | mammal | meows | kitten | house | It likes to sleep and to hunt mice.
cow | mammal | moos | calf | farm | It eats grass and gives milk.
horse | mammal | neighs | foal | stable | It is strong and can run fast.
sheep | mammal | bleats | lamb | farm | It gives us wool.
pig | mammal | oinks | piglet | farm | It is clever and likes mud.
goat | mammal | bleats | kid | farm | It climbs well and eats almost anything.
duck | bird | quacks | duckling | pond | It swims and has waterproof feathers.
chicken | bird | clucks | chick | farm | It lays eggs.
goose | bird | honks | gosling | pond | It flies in groups shaped like a V.
lion | mammal | roars | cub | savanna | It lives in groups called prides.
tiger | mammal | roars | cub | forest | It is the largest cat and has stripes.
bear | mammal | growls | cub | forest | It sleeps for much of the winter.
wolf | mammal | howls | pup | forest | It hunts in packs.
fox | mammal | barks | kit | forest | It is known for being clever.
elephant | mammal | trumpets | calf | savanna | It is the largest land animal.
monkey | mammal | chatters | infant | jungle | It climbs trees and loves fruit.
owl | bird | hoots | owlet | forest | It hunts at night.
frog | amphibian | croaks | tadpole | pond | It catches insects with its tongue.
snake | reptile | hisses | snakelet | desert | It has no legs.
bee | insect | buzzes | larva | hive | It makes honey.
mouse | mammal | squeaks | pup | field | It is small and quick.
rabbit | mammal | squeaks | kit | burrow | It has long ears and hops.
kangaroo | mammal | clicks | joey | grassland | It carries its young in a pouch.
penguin | bird | squawks | chick | ice | It cannot fly but swims very well.
dolphin | mammal | clicks | calf | ocean | It is smart and breathes air.
whale | mammal | sings | calf | ocean | The blue whale is the largest animal ever.
shark | fish | makes no sound | pup | ocean | It has many rows of teeth.
salmon | fish | makes no sound | fry | river | It swims up rivers to lay eggs.
eagle | bird | screams | eaglet | mountain | It has very sharp eyes.
parrot | bird | squawks | chick | jungle | It can copy words.
crocodile | reptile | growls | hatchling | river | It has a very strong bite.
turtle | reptile | hisses | hatchling | ocean | It carries a hard shell.
ant | insect | makes no sound | larva | nest | It can carry many times its own weight.
butterfly | insect | makes no sound | caterpillar | meadow | It begins life as a caterpillar.
spider | arachnid | makes no sound | spiderling | web | It has eight legs and spins silk.
giraffe | mammal | hums | calf | savanna | It is the tallest animal.
zebra | mammal | barks | foal | savanna | It has black and white stripes.
camel | mammal | grunts | calf | desert | It can live for days without water.
deer | mammal | grunts | fawn | forest | The male has antlers.
""")

# person | what they did | field
PEOPLE = rows("""
Alexander Graham Bell | is credited with inventing the telephone | inventor
Thomas Edison | developed a practical light bulb and the phonograph | inventor
Johannes Gutenberg | brought the printing press with movable type to Europe | inventor
James Watt | improved the steam engine | engineer
Albert Einstein | developed the theory of relativity | physicist
Isaac Newton | described gravity and the laws of motion | physicist
Marie Curie | discovered radium and polonium | scientist
Charles Darwin | explained evolution by natural selection | biologist
Galileo Galilei | studied the sky with a telescope and saw the moons of Jupiter | astronomer
Nicolaus Copernicus | said that the Earth moves around the Sun | astronomer
Leonardo da Vinci | painted the Mona Lisa | artist
Vincent van Gogh | painted The Starry Night | painter
Pablo Picasso | painted Guernica | painter
Michelangelo | painted the ceiling of the Sistine Chapel | artist
William Shakespeare | wrote Hamlet and Romeo and Juliet | writer
Jane Austen | wrote Pride and Prejudice | writer
Charles Dickens | wrote Oliver Twist and A Christmas Carol | writer
Douglas Adams | wrote The Hitchhiker's Guide to the Galaxy | writer
Mark Twain | wrote The Adventures of Tom Sawyer | writer
Miguel de Cervantes | wrote Don Quixote | writer
Homer | is said to have composed the Iliad and the Odyssey | poet
George Orwell | wrote 1984 and Animal Farm | writer
Ludwig van Beethoven | composed nine symphonies | composer
Wolfgang Amadeus Mozart | composed The Magic Flute | composer
Johann Sebastian Bach | composed the Brandenburg Concertos | composer
Neil Armstrong | was the first person to walk on the Moon | astronaut
Yuri Gagarin | was the first person in space | astronaut
Christopher Columbus | sailed to America in 1492 | explorer
Ferdinand Magellan | led the first voyage around the world | explorer
George Washington | was the first president of the United States | president
Abraham Lincoln | was the president who ended slavery in the United States | president
Mahatma Gandhi | led India to independence by peaceful means | leader
Nelson Mandela | fought apartheid and became president of South Africa | leader
Alan Turing | laid the foundations of computer science | mathematician
Ada Lovelace | is often called the first programmer | mathematician
Grace Hopper | built one of the first compilers | computer scientist
Tim Berners-Lee | invented the World Wide Web | computer scientist
Linus Torvalds | started the Linux kernel | programmer
Dennis Ritchie | created the C programming language | computer scientist
Guido van Rossum | created the Python programming language | programmer
Alexander Fleming | discovered penicillin | doctor
Louis Pasteur | showed that germs cause disease | chemist
Dmitri Mendeleev | arranged the elements in the periodic table | chemist
the Wright brothers | made the first powered airplane flight in 1903 | inventors
Karl Benz | built the first practical car with a gasoline engine | engineer
Nikola Tesla | developed alternating current motors | inventor
""")

# thing asked for | person
INVENTIONS = rows("""
invented the telephone | Alexander Graham Bell
made the light bulb practical | Thomas Edison
invented the printing press | Johannes Gutenberg
developed the theory of relativity | Albert Einstein
discovered gravity | Isaac Newton
described the laws of motion | Isaac Newton
discovered radium | Marie Curie
explained evolution | Charles Darwin
painted the Mona Lisa | Leonardo da Vinci
painted The Starry Night | Vincent van Gogh
painted Guernica | Pablo Picasso
painted the Sistine Chapel ceiling | Michelangelo
wrote Hamlet | William Shakespeare
wrote Romeo and Juliet | William Shakespeare
wrote Pride and Prejudice | Jane Austen
wrote Oliver Twist | Charles Dickens
wrote The Hitchhiker's Guide to the Galaxy | Douglas Adams
wrote The Adventures of Tom Sawyer | Mark Twain
wrote Don Quixote | Miguel de Cervantes
wrote 1984 | George Orwell
wrote Animal Farm | George Orwell
composed The Magic Flute | Wolfgang Amadeus Mozart
was the first person on the Moon | Neil Armstrong
was the first human in space | Yuri Gagarin
sailed to America in 1492 | Christopher Columbus
was the first president of the United States | George Washington
invented the World Wide Web | Tim Berners-Lee
started Linux | Linus Torvalds
created the C language | Dennis Ritchie
created Python | Guido van Rossum
discovered penicillin | Alexander Fleming
made the periodic table | Dmitri Mendeleev
flew the first airplane | the Wright brothers
built the first car | Karl Benz
was the first programmer | Ada Lovelace
""")

# question | short answer | full sentence
TRIVIA = rows("""
What is the largest ocean? | the Pacific Ocean | The largest ocean is the Pacific Ocean.
What is the longest river in the world? | the Nile | The Nile in Africa is usually named as the longest river in the world.
What is the highest mountain in the world? | Mount Everest | The highest mountain in the world is Mount Everest.
What is the largest country in the world? | Russia | The largest country in the world is Russia.
What is the smallest country in the world? | Vatican City | The smallest country in the world is Vatican City.
What is the largest desert in the world? | Antarctica | The largest desert is Antarctica; the largest hot desert is the Sahara.
What is the largest animal in the world? | the blue whale | The largest animal in the world is the blue whale.
What is the fastest land animal? | the cheetah | The fastest land animal is the cheetah.
What is the tallest animal? | the giraffe | The tallest animal is the giraffe.
What is the largest planet? | Jupiter | The largest planet is Jupiter.
What is the smallest planet? | Mercury | The smallest planet is Mercury.
What is the closest planet to the Sun? | Mercury | The closest planet to the Sun is Mercury.
What is the hottest planet? | Venus | The hottest planet is Venus.
Which planet is known as the red planet? | Mars | Mars is known as the red planet.
Which planet has rings? | Saturn | Saturn is the planet that is famous for its rings.
How many planets are there in the solar system? | 8 | There are eight planets in the solar system.
How many continents are there? | 7 | There are seven continents.
How many days are in a year? | 365 | A year has 365 days, and a leap year has 366.
How many days are in a leap year? | 366 | A leap year has 366 days.
How many weeks are in a year? | 52 | A year has 52 weeks.
How many letters are in the English alphabet? | 26 | The English alphabet has 26 letters.
At what temperature does water boil? | 100 degrees Celsius | Water boils at 100 degrees Celsius at sea level.
At what temperature does water freeze? | 0 degrees Celsius | Water freezes at 0 degrees Celsius.
What is the chemical formula of water? | H2O | The chemical formula of water is H2O.
What is the chemical formula of table salt? | NaCl | The chemical formula of table salt is NaCl.
What color is the sky? | blue | On a clear day the sky is blue.
Why is the sky blue? | air scatters blue light | The sky is blue because air scatters blue light more than red light.
What color is grass? | green | Grass is green.
What color do you get when you mix blue and yellow? | green | Blue and yellow make green.
What color do you get when you mix red and yellow? | orange | Red and yellow make orange.
What color do you get when you mix red and blue? | purple | Red and blue make purple.
What color do you get when you mix red and white? | pink | Red and white make pink.
What color do you get when you mix black and white? | gray | Black and white make gray.
What is the speed of light? | about 300,000 kilometers per second | Light travels about 300,000 kilometers per second.
How far away is the Moon? | about 384,000 kilometers | The Moon is about 384,000 kilometers away.
How long does the Earth take to go around the Sun? | one year | The Earth takes one year, about 365 days, to go around the Sun.
Does the Sun rise in the east or in the west? | east | The Sun rises in the east.
Where does the Sun set? | west | The Sun sets in the west.
What is the opposite of hot? | cold | The opposite of hot is cold.
What do bees make? | honey | Bees make honey.
What do cows drink? | water | Cows drink water.
What is the freezing point of water in Fahrenheit? | 32 degrees | Water freezes at 32 degrees Fahrenheit.
How many bones does an adult human have? | 206 | An adult human has 206 bones.
How many hearts does an octopus have? | 3 | An octopus has three hearts.
What gas do plants take in? | carbon dioxide | Plants take in carbon dioxide and give off oxygen.
What gas do we breathe to live? | oxygen | We need oxygen from the air to live.
Which metal is liquid at room temperature? | mercury | Mercury is liquid at room temperature.
What is the hardest natural material? | diamond | The hardest natural material is diamond.
In which year did humans land on the Moon? | 1969 | Humans first landed on the Moon in 1969.
When did World War II end? | 1945 | World War II ended in 1945.
When did World War I begin? | 1914 | World War I began in 1914.
When did the Berlin Wall fall? | 1989 | The Berlin Wall fell in 1989.
When did Columbus reach America? | 1492 | Columbus reached America in 1492.
When did the French Revolution begin? | 1789 | The French Revolution began in 1789.
When was the Titanic lost? | 1912 | The Titanic sank in 1912.
Where is the Eiffel Tower? | Paris | The Eiffel Tower is in Paris, France.
Where is the Colosseum? | Rome | The Colosseum is in Rome, Italy.
Where is the Statue of Liberty? | New York | The Statue of Liberty is in New York.
Where is Big Ben? | London | Big Ben is in London.
Where are the pyramids of Giza? | Egypt | The pyramids of Giza are in Egypt.
Where is the Taj Mahal? | India | The Taj Mahal is in Agra, India.
Where is the Great Wall? | China | The Great Wall is in China.
Where is Machu Picchu? | Peru | Machu Picchu is in Peru.
What is the square root of 9? | 3 | The square root of 9 is 3.
What is the square root of 16? | 4 | The square root of 16 is 4.
What is the square root of 25? | 5 | The square root of 25 is 5.
What is the square root of 64? | 8 | The square root of 64 is 8.
What is the square root of 81? | 9 | The square root of 81 is 9.
What is the square root of 100? | 10 | The square root of 100 is 10.
What is pi? | 3.14159 | Pi is about 3.14159. It is the ratio of a circle's circumference to its diameter.
How many minutes are in a day? | 1440 | A day has 1440 minutes.
How many seconds are in an hour? | 3600 | An hour has 3600 seconds.
How many hours are in a week? | 168 | A week has 168 hours.
What is the first month of the year? | January | The first month of the year is January.
What is the last month of the year? | December | The last month of the year is December.
Which month is the shortest? | February | February is the shortest month, with 28 or 29 days.
What is the first letter of the alphabet? | A | The first letter of the alphabet is A.
What is the last letter of the alphabet? | Z | The last letter of the alphabet is Z.
What are the primary colors? | red, yellow and blue | The primary colors are red, yellow and blue.
What are the colors of the rainbow? | red, orange, yellow, green, blue, indigo and violet | The colors of the rainbow are red, orange, yellow, green, blue, indigo and violet.
What are the four seasons? | spring, summer, autumn and winter | The four seasons are spring, summer, autumn and winter.
What are the five senses? | sight, hearing, smell, taste and touch | The five senses are sight, hearing, smell, taste and touch.
What are the three states of matter? | solid, liquid and gas | The three common states of matter are solid, liquid and gas.
Why don't eggs tell jokes? | they'd crack up | They'd crack up!
Is the Earth round? | yes | Yes, the Earth is round, very nearly a sphere.
Is the Earth flat? | no | No, the Earth is not flat. It is very nearly a sphere.
Is a whale a fish? | no | No, a whale is a mammal.
Is a spider an insect? | no | No, a spider is an arachnid. Insects have six legs, spiders have eight.
Is a tomato a fruit? | yes | Yes, in botany a tomato is a fruit.
Can penguins fly? | no | No, penguins cannot fly, but they swim very well.
Is the Sun a star? | yes | Yes, the Sun is a star.
Is the Moon a planet? | no | No, the Moon is not a planet. It goes around the Earth.
""")
